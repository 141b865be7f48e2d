/** The example workflow of the stories: invoices come by mail, are read, checked, approved and posted. */
import type { WorkflowDefinition, WorkflowNode } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';

function node(
  id: string,
  type: string,
  name: string,
  x: number,
  y: number,
  params: { readonly [name: string]: Json } = {},
  more: Partial<WorkflowNode['data']> = {},
): WorkflowNode {
  return { id, type, position: { x, y }, data: { name, typeVersion: 1, params, ...more } };
}

function edge(source: string, target: string, sourceHandle = 'main', targetHandle = 'main') {
  return { id: `${source}-${sourceHandle}-${target}`, source, sourceHandle, target, targetHandle };
}

export const INVOICES: WorkflowDefinition = {
  schema: 1,
  name: 'Supplier invoice intake',
  description: 'Reads invoices from a mailbox, asks Finance above a limit, posts to the ledger.',
  nodes: [
    node('mail', 'mail/inbox', 'Mail arrives', 0, 170, { mailbox: 'invoices@ inbox' }),
    node('read', 'ai/prompt', 'Read invoice', 212, 170, { prompt: 'Prompt v7, vision' }, { onError: 'route' }),
    node('archive', 'files/archive', 'Archive PDF', 212, 352, { folder: 'invoices / 2026' }),
    node('over', 'core/if', 'Over 5,000 EUR?', 428, 72, { conditions: { all: [{ left: '={{ $json.total }}', op: 'gt', right: 5000 }] } }),
    node('lines', 'core/for-each', 'For each line item', 428, 232, { over: '={{ $json.lines }}' }),
    node('tell', 'chat/post', 'Tell finance-ops', 428, 380, { channel: '#finance-ops' }),
    node('approve', 'people/approval', 'Finance approves', 644, 8, { who: '1 of 2 needed' }),
    node(
      'post',
      'core/http-request',
      'Post to ledger',
      862,
      120,
      { method: 'POST', url: 'https://ledger.internal/v1/entries' },
      { retry: { maxAttempts: 3, firstDelayMs: 2000 }, credentials: { auth: 'ledger-production' } },
    ),
    node('reply', 'mail/send', 'Reply to supplier', 1074, 120, { to: 'invoices@ outbox' }),
  ],
  edges: [
    edge('mail', 'read'),
    edge('mail', 'archive'),
    edge('read', 'over'),
    edge('read', 'lines'),
    edge('read', 'tell', 'error'),
    edge('over', 'approve', 'true'),
    edge('over', 'post', 'false'),
    edge('approve', 'post'),
    edge('lines', 'post', 'main', 'lines'),
    edge('post', 'reply'),
  ],
  notes: [
    {
      id: 'limit',
      text: 'Limit agreed with Finance in March. Check it again every January.',
      position: { x: 644, y: 372 },
      size: { width: 200, height: 62 },
    },
  ],
  settings: { timezone: 'Europe/Berlin' },
};
