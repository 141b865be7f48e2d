import { expect, test } from 'vitest';
import { settingMeaning, settingWords } from './setting-words.ts';

const number = { kind: 'number' } as const;

test.each([
  ['webhooks.bodyLimit', 16 * 1024 * 1024, '16 MiB'],
  ['webhooks.replyTimeoutMs', 100_000, '1 min 40 s'],
  ['runs.retentionDays', 1, '1 day'],
  ['runs.concurrent', 10_000, '10,000'],
])('%s of %d is said with its unit: %s', (key, value, words) => {
  expect(settingWords({ key, form: number }, value)).toBe(words);
});

test('a choice is said by its title, an empty list as none', () => {
  const form = { kind: 'choice', options: [{ value: 'mail', title: 'On the page and by e-mail' }] } as const;
  expect(settingWords({ key: 'notifications.runFailed', form }, 'mail')).toBe('On the page and by e-mail');
  expect(settingWords({ key: 'egress.allow', form: { kind: 'list', of: { kind: 'text' } } }, [])).toBe('none');
});

test('only numbers that people would not say so are explained', () => {
  expect(settingMeaning({ key: 'webhooks.bodyLimit', form: number }, 1024)).toBe('1 KiB');
  expect(settingMeaning({ key: 'runs.concurrent', form: number }, 10)).toBeUndefined();
});
