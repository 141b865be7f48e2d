/** Node types of the example workflows: enough of a catalog to draw them. */
import type { NodeTypeIR, ParamsIR, TriggerTypeIR, TypeIR } from '@plugboard/sdk';

function node(type: string, title: string, icon: string, group: string, more: Partial<NodeTypeIR> = {}): NodeTypeIR {
  return {
    kind: 'node',
    type,
    version: 1,
    title,
    icon,
    group,
    params: {},
    functions: ['run'],
    per: 'item',
    ports: {},
    effects: 'none',
    ...more,
  };
}

function trigger(type: string, title: string, icon: string, params: ParamsIR = {}): TriggerTypeIR {
  return { kind: 'trigger', type, version: 1, title, icon, group: 'Triggers', params, functions: [], trigger: 'poll', ports: {} };
}

const text = { kind: 'text' } as const;

export const CATALOG: readonly TypeIR[] = [
  trigger('mail/inbox', 'Mail arrives', 'mail', { mailbox: text }),
  trigger('core/manual', 'Manual', 'mouse-pointer-click'),
  trigger('core/webhook', 'Webhook', 'webhook', { path: text }),
  trigger('core/schedule', 'Schedule', 'calendar-clock', { when: text }),
  node('ai/prompt', 'Prompt', 'sparkles', 'AI', { effects: 'read', params: { prompt: text } }),
  node('core/if', 'If', 'git-branch', 'Flow', {
    params: { conditions: { kind: 'conditions' } },
    ports: {
      outputs: [
        { id: 'true', title: 'yes' },
        { id: 'false', title: 'no' },
      ],
    },
  }),
  node('core/for-each', 'For each', 'repeat', 'Flow', { params: { over: text } }),
  node('people/approval', 'Approval', 'user-check', 'People', { params: { who: text } }),
  node('core/http-request', 'HTTP request', 'globe', 'Network', {
    params: { method: text, url: text },
    effects: 'write',
    ports: { inputs: [{ id: 'main' }, { id: 'lines' }] },
  }),
  node('mail/send', 'Send mail', 'mail', 'Network', { params: { to: text }, effects: 'write' }),
  node('files/archive', 'Archive file', 'box', 'Data', { params: { folder: text } }),
  node('chat/post', 'Post a message', 'message-square', 'Network', { params: { channel: text }, effects: 'write' }),
  node('postgres/query', 'PostgreSQL', 'database', 'Databases', { params: { query: text }, effects: 'read' }),
  node('core/set', 'Set', 'pencil', 'Data', { params: { fields: { kind: 'map', of: text } } }),
  node('core/code', 'Code', 'code', 'Code', { params: { language: text, code: { kind: 'code', language: 'javascript' } } }),
  node('core/respond', 'Respond', 'reply', 'Network', { params: { status: text } }),
];
