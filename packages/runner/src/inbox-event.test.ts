import { describe, expect, test } from 'vitest';
import { inboxEvent } from './inbox-event.ts';

const read = (kind: string, payload: unknown) => inboxEvent({ id: 'r', putAt: '1', runId: 'x', kind, payload }, 7);

describe('inbox rows', () => {
  test.each([
    ['cancel', { by: 'me' }, { type: 'cancel.requested', at: 7, by: 'me' }],
    ['cancel', { by: 'me', reason: 'late' }, { type: 'cancel.requested', at: 7, by: 'me', reason: 'late' }],
    [
      'resolve',
      { by: 'me', node: 'n', i: 2, decision: 'retry' },
      { type: 'unknown.resolved', at: 7, by: 'me', node: 'n', i: 2, decision: 'retry' },
    ],
    [
      'resolve',
      { by: 'me', node: 'n', i: 0, decision: 'done', output: { json: { a: 1 } } },
      { type: 'unknown.resolved', at: 7, by: 'me', node: 'n', i: 0, decision: 'done', output: { json: { a: 1 } } },
    ],
  ])('%s %j becomes its event', (kind, payload, event) => {
    expect(read(kind, payload)).toEqual(event);
  });

  test.each([
    ['cancel', null],
    ['cancel', 'me'],
    ['cancel', {}],
    ['cancel', { by: 1 }],
    ['resolve', { by: 'me' }],
    ['resolve', { by: 'me', node: 'n', i: '0', decision: 'retry' }],
    ['resolve', { by: 'me', node: 'n', i: 0, decision: 'drop' }],
    ['resolve', { by: 'me', node: 'n', i: 0, decision: 'toString' }],
    ['resolve', { by: 'me', node: 'n', i: 0, decision: 'done', output: { json: [] } }],
    ['resolve', { by: 'me', node: 'n', i: 0, decision: 'done', output: null }],
    ['constructor', {}],
    ['signal', { by: 'me' }],
  ])('%s %j says nothing this release understands', (kind, payload) => {
    expect(read(kind, payload)).toBeUndefined();
  });
});
