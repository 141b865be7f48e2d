/** What is the same for the whole server, and finding things by a few letters. */
import { listMembers, listRunRows, listWorkflows } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import { z } from 'zod';
import { visibleTo } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { json, text } from '../operation/shapes.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const MOST_FOUND = 20;

export interface ServerHealth {
  readonly ready: boolean;
  /** What is wrong, one line each. */
  readonly reasons: readonly string[];
  readonly activeRuns: number;
  /** What an operator should look at although everything works. */
  readonly notes?: readonly string[];
}

export interface InstanceOperationsOptions {
  readonly catalog: Catalog;
  readonly health: () => Promise<ServerHealth>;
  readonly version: string;
}

export function instanceOperations({ catalog, health, version }: InstanceOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'catalog.plugins',
      kind: 'query',
      summary: 'Plugins with their node types.',
      permission: { action: 'catalog.read', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: json,
      problems: [],
      rest: { method: 'GET', path: '/catalog' },
      handler: () => Promise.resolve({ plugins: catalog.plugins() }),
    }),
    operation({
      name: 'catalog.types',
      field: 'catalog',
      kind: 'query',
      summary: 'Node types of the workspace.',
      permission: { action: 'catalog.read', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: z.array(json),
      problems: [],
      rest: { method: 'GET', path: '/catalog/types' },
      handler: () => Promise.resolve([...catalog.types()]),
    }),
    operation({
      name: 'instance.health',
      field: 'health',
      kind: 'query',
      summary: 'How the server is.',
      permission: { member: 'A page shows it to everybody.' },
      input: z.strictObject({}),
      output: z
        .object({
          state: z.enum(['ok', 'warn', 'bad']).meta({ id: 'HealthState' }),
          workers: z.int(),
          queued: z.int(),
          version: z.string(),
          notes: z.array(z.string()),
        })
        .meta({ id: 'HealthView' }),
      problems: [],
      rest: { method: 'GET', path: '/health' },
      async handler() {
        const { ready, reasons, activeRuns, notes = [] } = await health();
        const state = !ready ? ('bad' as const) : notes.length > 0 ? ('warn' as const) : ('ok' as const);
        return { state, workers: 1, queued: activeRuns, version, notes: [...reasons, ...notes] };
      },
    }),
    operation({
      name: 'find.everything',
      field: 'find',
      kind: 'query',
      summary: 'Things by part of their name, for the command palette; at most 20.',
      permission: { member: 'Only what each may see is found.' },
      input: z.strictObject({ text: text(200) }),
      output: z.array(
        z
          .object({
            kind: z.enum(['workflow', 'run', 'credential', 'member', 'setting', 'node']).meta({ id: 'FoundKind' }),
            id: z.string(),
            title: z.string(),
            subtitle: z.string().optional(),
          })
          .meta({ id: 'FoundThing' }),
      ),
      problems: [],
      rest: { method: 'GET', path: '/find' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const search = input.text.trim();
          if (search === '') return [];
          const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const { workflows } = await listWorkflows(tx, {
            search,
            limit: 10,
            ...(visible.kind === 'some' ? { visible: { projectIds: visible.projectIds, ids: visible.ids } } : {}),
          });
          const isPartOfId = /^[0-9a-f]{4,32}$/i.test(search.replaceAll('-', ''));
          const { rows } = isPartOfId
            ? await listRunRows(tx, { visible: visibleTo(ctx.actor, ctx.access, 'run.read'), search, first: 5 })
            : { rows: [] };
          const members = may(ctx, 'member.read', WORKSPACE) ? (await listMembers(tx, { search, limit: 5 })).members : [];
          const lower = search.toLowerCase();
          const types = may(ctx, 'catalog.read', WORKSPACE)
            ? catalog.types().filter((type) => type.title.toLowerCase().includes(lower) && catalog.latest(type.type) === type)
            : [];
          return [
            ...workflows.map((one) => ({ kind: 'workflow' as const, id: one.id, title: one.name })),
            ...rows.map((one) => ({
              kind: 'run' as const,
              id: one.id,
              title: one.workflowName ?? '',
              subtitle: `${one.id.slice(-8)} ${one.status}`,
            })),
            ...members.map((one) => ({
              kind: 'member' as const,
              id: one.principalId,
              title: one.displayName,
              ...(one.email === undefined ? {} : { subtitle: one.email }),
            })),
            ...types.slice(0, 5).map((one) => ({ kind: 'node' as const, id: one.type, title: one.title })),
          ].slice(0, MOST_FOUND);
        }),
    }),
  ];
}
