import { describe, expect, test } from 'vitest';
import { createLog, plainLines } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  write(createLog('debug', plainLines({ write: (part: string) => (text += part) })));
  return text;
}

describe('the log at a terminal', () => {
  test('is one plain line each: time, message, fields, and the level where it matters', () => {
    expect(logged((log) => log.info({ count: 3, who: 'Ada' }, 'runs were taken over'))).toMatch(
      /^\d\d:\d\d:\d\d runs were taken over count=3 who=Ada\n$/,
    );
    expect(logged((log) => log.warn({ err: new Error('connection refused') }, 'no heartbeat'))).toMatch(
      /^\d\d:\d\d:\d\d warn {2}no heartbeat \(connection refused\)\n$/,
    );
  });

  test('shows where an error came from, and no secret', () => {
    const text = logged((log) => log.error({ err: new Error('no'), token: 'canary' }, 'it failed'));
    expect(text).toMatch(/error it failed token=\*\*\* \(no\)\n +at /);
    expect(text).not.toContain('canary');
  });

  test('steers no terminal, whatever stands in it', () => {
    // eslint-disable-next-line no-control-regex -- these are what must not come through
    expect(logged((log) => log.info({ name: '\u001b[2J\r\u009b31m' }, 'a\u0007b'))).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/,
    );
  });
});
