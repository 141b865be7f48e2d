import { expect, test } from 'vitest';
import { workflowSettingWords } from './workflow-setting-words.ts';

test.each([
  ['timeoutMs', 1_800_000, '30 min'],
  ['keepRuns', { days: 30, count: 1 }, '30 days, 1 newest run'],
  ['errorWorkflow', null, 'that of the workspace'],
  ['errorWorkflow', 'Log failure', 'Log failure'],
  ['repeat', null, 'it runs once'],
  ['repeat', { delayMs: 60_000, times: 1000 }, 'again after 1 min, at most 1,000 runs'],
  ['flow', null, 'each begins at once'],
  ['flow', { concurrency: { limit: 2, key: '={{ $json.shop }}' }, priority: '5' }, 'at most 2 at work of a key, with a priority'],
  ['flow', { singleton: {} }, 'one at a time'],
])('%s of %j reads %s', (key, value, words) => {
  expect(workflowSettingWords(key, value)).toBe(words);
});
