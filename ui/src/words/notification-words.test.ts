import { describe, expect, test } from 'vitest';
import { notificationWords } from './notification-words.ts';

describe('what notifications say', () => {
  test('a failed run is named by its workflow, with how often it happened, and leads to the run', () => {
    const params = { workflow: 'Invoices', workflowId: 'w1', runId: 'r1', code: 'HTTP_503', message: 'The ledger answered 503' };
    expect(notificationWords({ kind: 'run.failed', params, count: 1 })).toEqual({
      title: 'Invoices failed',
      text: 'The ledger answered 503',
      lamp: 'failed',
      path: '/runs/r1',
    });
    expect(notificationWords({ kind: 'run.failed', params, count: 1200 }).title).toBe('Invoices failed, 1,200 times');
  });

  test('a job says how it ended and how much it did', () => {
    const params = { jobId: 'j', act: 'run.delete', state: 'succeeded', done: 1, failed: 0 };
    expect(notificationWords({ kind: 'job.ended', params, count: 1 })).toMatchObject({
      title: 'Deleting runs is done',
      text: '1 thing done.',
    });
    expect(notificationWords({ kind: 'job.ended', params: { ...params, state: 'cancelled', done: 3, failed: 2 }, count: 1 })).toMatchObject(
      {
        title: 'Deleting runs was stopped',
        text: '3 things done, 2 refused.',
      },
    );
  });

  test('what is missing in the params leads nowhere and is still said', () => {
    expect(notificationWords({ kind: 'run.failed', params: {}, count: 1 })).toEqual({ title: 'A workflow failed', lamp: 'failed' });
    expect(notificationWords({ kind: 'member.role', params: {}, count: 1 }).title).toBe('Your role changed');
  });

  test('a kind of a newer server is said in its own words', () => {
    expect(notificationWords({ kind: 'backup.isOverdue', params: { message: 'Since Monday' }, count: 1 })).toEqual({
      title: 'Backup is overdue',
      text: 'Since Monday',
      lamp: 'idle',
    });
    expect(notificationWords({ kind: 'constructor', params: {}, count: 1 }).title).toBe('Constructor');
  });
});
