/** Work of every kind a run can do, asked for again and again while servers die; and the people and services who answer. */
import type { FaultServer } from './fault-server.ts';
import type { FaultService } from './fault-service.ts';
import { anEdge } from './test-server.ts';

/** Items of a delivery, where the workflow works on several. */
export const ITEMS = 4;
/** Workflows that are started by a delivery, each with the kind of write it makes and how many a run makes. */
export const WORKFLOWS = {
  loops: { writes: 'write', each: ITEMS },
  calls: { writes: undefined, each: 0 },
  asks: { writes: 'once', each: ITEMS },
  approves: { writes: 'write', each: 1 },
  signals: { writes: 'write', each: 1 },
  waits: { writes: 'write', each: 1 },
  turns: { writes: 'write', each: 1 },
} as const;
export type WorkflowName = keyof typeof WORKFLOWS;
const NAMES = Object.keys(WORKFLOWS) as WorkflowName[];

type Step = readonly [id: string, type: string, params?: object, more?: object];

function aDefinition(
  name: string,
  steps: readonly Step[],
  more: { readonly edges?: readonly object[]; readonly settings?: object } = {},
): object {
  return {
    schema: 1,
    name,
    nodes: steps.map(([id, type, params = {}, data = {}]) => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params, ...data },
    })),
    edges: more.edges ?? steps.slice(1).map(([id], n) => anEdge(steps[n]?.[0] ?? '', id)),
    settings: more.settings ?? {},
  };
}

export async function publishAll(server: FaultServer, service: FaultService): Promise<void> {
  const write = (kind: string, item: string | number = 0, more: object = {}): Step => [
    'write',
    'core/http-request',
    { method: 'POST', url: `${service.url}/write/${kind}`, body: { run: '={{ $run.id }}', item }, ...more },
  ];
  const link = (address: string): Step => [
    'link',
    'core/http-request',
    { method: 'POST', url: `${service.url}/link`, body: { link: `={{ $run.${address}["ask"] }}` } },
  ];
  const hook = (path: WorkflowName): Step => [
    'hook',
    'core/webhook',
    { path: `fault/${path}`, method: 'POST', reply: 'immediate', dedupe: 'header', dedupeHeader: 'X-Delivery' },
  ];
  const list: Step = ['list', 'core/split', { field: 'body.list' }];
  const again = { retry: { maxAttempts: 20, firstDelayMs: 50, factor: 1 } };
  const refused = write('refused', '={{ $json.item }}');
  const definitions = [
    aDefinition('called', [
      ['in', 'core/called'],
      [refused[0], refused[1], refused[2], again],
    ]),
    aDefinition(
      'loops',
      [
        hook('loops'),
        list,
        ['loop', 'core/loop', { mode: 'items', batchSize: 1, parallel: 2 }],
        ['code', 'core/code', { mode: 'each-item', code: 'return { item: $json.item };' }, again],
        write('write', '={{ $json.item }}'),
        ['after', 'core/noop'],
      ],
      {
        edges: [
          anEdge('hook', 'list'),
          anEdge('list', 'loop'),
          anEdge('loop', 'code', 'body'),
          anEdge('code', 'write'),
          anEdge('write', 'loop', 'main', 'next'),
          anEdge('loop', 'after', 'done'),
        ],
      },
    ),
    aDefinition('calls', [hook('calls'), list, ['call', 'core/call-workflow', { workflow: 'called', mode: 'each' }]]),
    aDefinition('asks', [hook('asks'), list, write('once', '={{ $json.item }}', { afterUnknown: 'ask' })]),
    aDefinition(
      'approves',
      [hook('approves'), link('approval'), ['ask', 'core/approval', { title: 'Go on?', byLink: true, limited: false }], write('write')],
      {
        edges: [anEdge('hook', 'link'), anEdge('link', 'ask'), anEdge('ask', 'write', 'approved')],
      },
    ),
    aDefinition('signals', [hook('signals'), link('resume'), ['ask', 'core/wait-for-call', { limited: false }], write('write')]),
    aDefinition('waits', [hook('waits'), ['wait', 'core/wait', { amount: 6, unit: 'seconds' }], write('write')]),
    aDefinition('turns', [hook('turns'), ['code', 'core/code', { mode: 'each-item', code: 'return {};' }, again], write('write')], {
      settings: { flow: { concurrency: { limit: 2, key: '={{ $json.body.shop }}' } } },
    }),
    aDefinition('times', [
      ['at', 'core/schedule', { intervals: [{ unit: 'seconds', every: 1 }], missed: 'all' }],
      ['note', 'core/set', { fields: { seen: true } }],
    ]),
  ];
  for (const definition of definitions) await server.api('POST', '/workflows/import', { definition, publish: true });
}

export interface Load {
  /** Runs by the workflow they are of: each delivery that was accepted. */
  readonly accepted: ReadonlyMap<string, WorkflowName>;
  /** Deliveries sent more than once that were answered with two runs, and answers that nobody should give. */
  readonly problems: readonly string[];
  /** No new deliveries; those under way are sent until they are accepted. */
  stop(): Promise<void>;
  /** Nobody answers any more. */
  end(): Promise<void>;
}

const CALLERS = 7;
const BETWEEN_DELIVERIES_MS = 100;

/** @param servers any that is up takes a delivery or an answer */
export function startLoad(servers: readonly FaultServer[], service: FaultService): Load {
  const accepted = new Map<string, WorkflowName>();
  const problems: string[] = [];
  let isStopped = false;
  let isOver = false;
  let turn = 0;
  const anyServer = (): FaultServer | undefined => {
    const up = servers.filter((server) => server.isUp);
    return up[(turn += 1) % up.length];
  };

  const deliver = async (name: WorkflowName, delivery: string): Promise<string> => {
    const body = { shop: delivery.slice(-1), list: Array.from({ length: ITEMS }, (_, item) => ({ item })) };
    for (;;) {
      const answer = await anyServer()?.send<{ runId?: string }>('POST', `/hooks/fault/${name}`, body, { 'x-delivery': delivery });
      const runId = answer?.json?.runId;
      if (answer?.status === 202 && runId !== undefined) return runId;
      if (answer && ![409, 429, 500, 503, 504].includes(answer.status))
        problems.push(`${name}: ${answer.status} ${JSON.stringify(answer.json)}`);
      await pause(50);
    }
  };

  const caller = async (who: number): Promise<void> => {
    for (let n = 0; !isStopped; n += 1) {
      const name = NAMES[(n + who) % NAMES.length] ?? 'loops';
      const delivery = `${who}-${n}`;
      const runId = await deliver(name, delivery);
      accepted.set(runId, name);
      // The sender of every third delivery did not hear the answer, and sends it once more.
      const second = n % 3 === 0 ? await deliver(name, delivery) : runId;
      if (second !== runId) problems.push(`delivery ${delivery} of ${name} started ${runId} and ${second}`);
      await pause(BETWEEN_DELIVERIES_MS);
    }
  };

  /** Two answers at the same moment: one counts, and the other is told so. */
  const answerer = async (): Promise<void> => {
    const answered = new Set<string>();
    while (!isOver) {
      for (const path of service.links) {
        if (answered.has(path)) continue;
        const body = path.startsWith('/a/') ? { decision: 'approve' } : { ok: true };
        const answers = await Promise.all([1, 2].map(() => anyServer()?.send('POST', path, body)));
        const counted = answers.filter((answer) => answer !== undefined && answer.status < 300).length;
        if (counted > 1) problems.push(`two answers to ${path.slice(0, 3)} counted`);
        // 409: an earlier answer, whose own answer was lost, had counted.
        if (answers.some((answer) => answer !== undefined && (answer.status < 300 || answer.status === 409))) answered.add(path);
      }
      await pause(50);
    }
  };

  /** Looks at the other system, then says whether a write happened. */
  const decider = async (): Promise<void> => {
    while (!isOver) {
      const waiting = await anyServer()?.send<{ runs: { id: string; waitingFor?: string }[] }>('GET', '/api/runs?status=waiting&limit=100');
      for (const { id, waitingFor } of waiting?.json?.runs ?? []) if (waitingFor === 'unknown_effect') await decideAbout(id);
      await pause(200);
    }
  };

  const decideAbout = async (id: string): Promise<void> => {
    const run = await anyServer()?.send<{ steps: { node: string; asking?: { item: number }[] }[] }>('GET', `/api/runs/${id}`);
    for (const step of run?.json?.steps ?? [])
      for (const { item } of step.asking ?? []) {
        const happened = service.writes.some((write) => write.kind === 'once' && write.run === id && write.item === item);
        await anyServer()?.send('POST', `/api/runs/${id}/resolve`, {
          node: step.node,
          item,
          decision: happened ? 'done' : 'retry',
          ...(happened ? { output: { ok: true } } : {}),
        });
      }
  };

  const callers = Array.from({ length: CALLERS }, (_, who) => caller(who));
  const others = [answerer(), decider()];
  return {
    accepted,
    problems,
    async stop() {
      isStopped = true;
      await Promise.all(callers);
    },
    async end() {
      isOver = true;
      await Promise.all(others);
    },
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
