/** Rows of the workflow list, as in the design's picture of it. */
import type { RecentRun, RunStatus, TriggerKind, WorkflowPreview, WorkflowRow } from '../../api/types.ts';

const NOW = Date.now();
const MINUTE = 60_000;
const ago = (minutes: number): string => new Date(NOW - minutes * MINUTE).toISOString();

/** Columns of node types; every node is wired to all of the next column. */
function preview(...columns: readonly (readonly string[])[]): WorkflowPreview {
  const nodes = columns.flatMap((column, x) => column.map((type, y) => ({ id: `${x}.${y}`, type, x: x * 240, y: y * 120 })));
  const edges = columns
    .slice(1)
    .flatMap((column, x) =>
      column.flatMap((_, y) => (columns[x] ?? []).map((_before, from) => ({ source: `${x}.${from}`, target: `${x + 1}.${y}` }))),
    );
  return { nodes, edges };
}

const MAIL = 'mail/inbox';
const HOOK = 'core/webhook';
const HAND = 'core/manual';
const AI = 'ai/prompt';
const LOGIC = 'core/if';
const HTTP = 'core/http-request';
const DATA = 'postgres/query';
const PEOPLE = 'people/approval';

const SHAPES = {
  fork: preview([MAIL], [AI], [LOGIC, 'core/for-each'], [HTTP]),
  triage: preview([HOOK], [AI], [PEOPLE, LOGIC], [HTTP]),
  three: preview([HAND], [AI, AI, AI], [LOGIC], [PEOPLE], [HTTP]),
  line: preview([HOOK], [DATA], [AI], [HTTP]),
  two: preview([HOOK, MAIL], [LOGIC], [DATA], [HTTP]),
  short: preview([HOOK], [HTTP]),
};

function runs(pattern: string): readonly RecentRun[] {
  const status: { readonly [letter: string]: RunStatus } = { o: 'succeeded', x: 'failed', w: 'waiting', r: 'running' };
  return Array.from(pattern, (letter, index) => ({
    id: `${pattern}${index}`,
    status: status[letter] ?? 'succeeded',
    durationMs: 400 + ((index * 7) % 3) * 300,
  }));
}

interface Row {
  readonly name: string;
  readonly project: string;
  readonly start: readonly [TriggerKind, string];
  readonly state: WorkflowRow['state'];
  readonly version?: number;
  readonly changes?: number;
  readonly shape: keyof typeof SHAPES;
  readonly pattern: string;
  readonly rate?: number;
  readonly typicalMs: number;
  readonly cents: number;
  readonly lastMinutes?: number;
  readonly nextMinutes?: number;
  readonly people: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: 'Supplier invoice intake',
    project: 'Accounts payable',
    start: ['poll', 'New mail in invoices@'],
    state: 'live',
    version: 12,
    changes: 3,
    shape: 'fork',
    pattern: 'ooooooooowooooxoooox',
    rate: 0.974,
    typicalMs: 18_000,
    cents: 412,
    lastMinutes: 4,
    people: ['Ines Kant'],
  },
  {
    name: 'Support mail triage',
    project: 'Customer care',
    start: ['webhook', 'Webhook /care/inbound'],
    state: 'live',
    version: 31,
    shape: 'triage',
    pattern: 'oooooooooooooooooorr',
    rate: 0.996,
    typicalMs: 6_200,
    cents: 1184,
    lastMinutes: 0,
    people: ['Tom Nash'],
  },
  {
    name: 'Product copy, 5 languages',
    project: 'Catalogue',
    start: ['manual', 'Started by people'],
    state: 'live',
    version: 8,
    shape: 'three',
    pattern: 'oooooowooooooowooooo',
    rate: 1,
    typicalMs: 41_000,
    cents: 830,
    lastMinutes: 120,
    people: ['Rita Voss'],
  },
  {
    name: 'Shop orders to ledger',
    project: 'Accounts payable',
    start: ['schedule', 'Every 15 min, Berlin'],
    state: 'live',
    version: 22,
    changes: 1,
    shape: 'line',
    pattern: 'oooooooooooooooooooo',
    rate: 1,
    typicalMs: 3_400,
    cents: 0,
    lastMinutes: 4,
    nextMinutes: 11,
    people: ['Ines Kant'],
  },
  {
    name: 'Stock alert to buyers',
    project: 'Warehouse',
    start: ['stream', 'Row change in stock'],
    state: 'failing',
    version: 5,
    shape: 'two',
    pattern: 'ooooxxxxxxxxxxxxxxxx',
    rate: 0.18,
    typicalMs: 900,
    cents: 0,
    lastMinutes: 1,
    people: ['Tom Nash'],
  },
  {
    name: 'Weekly sales digest',
    project: 'Sales',
    start: ['schedule', 'Mondays 07:00, Berlin'],
    state: 'live',
    version: 14,
    shape: 'line',
    pattern: 'oooooooooooooooo',
    rate: 1,
    typicalMs: 52_000,
    cents: 96,
    nextMinutes: 2880,
    people: ['Rita Voss', 'Lena Marx'],
  },
  {
    name: 'Contract review with legal',
    project: 'Legal',
    start: ['webhook', 'Form, legal intake'],
    state: 'live',
    version: 3,
    shape: 'triage',
    pattern: 'oowowowowo',
    rate: 1,
    typicalMs: 100_800_000,
    cents: 271,
    lastMinutes: 1300,
    people: ['Lena Marx'],
  },
  {
    name: 'Campaign image set',
    project: 'Marketing',
    start: ['manual', 'Started by people'],
    state: 'draft',
    shape: 'three',
    pattern: 'oxoo',
    typicalMs: 72_000,
    cents: 305,
    lastMinutes: 300,
    people: ['Tom Nash'],
  },
  {
    name: 'Returns, photo check',
    project: 'Customer care',
    start: ['webhook', 'Webhook /returns'],
    state: 'paused',
    version: 6,
    shape: 'fork',
    pattern: 'oooooooooooooooooooo',
    rate: 0.989,
    typicalMs: 9_800,
    cents: 0,
    lastMinutes: 400,
    people: ['Rita Voss'],
  },
  {
    name: 'Nightly backup check',
    project: 'Platform',
    start: ['schedule', 'Daily 02:30, UTC'],
    state: 'live',
    version: 2,
    shape: 'short',
    pattern: 'oooooooooooooooooooo',
    rate: 1,
    typicalMs: 1_100,
    cents: 0,
    nextMinutes: 660,
    people: ['Ines Kant'],
  },
];

export const WORKFLOWS: readonly WorkflowRow[] = ROWS.map((row, index) => ({
  id: `w${index + 1}`,
  name: row.name,
  project: { id: row.project, name: row.project },
  starts: [{ kind: row.start[0], text: row.start[1] }],
  ...(row.version === undefined ? {} : { liveVersion: row.version }),
  state: row.state,
  draftChanges: row.changes ?? 0,
  preview: SHAPES[row.shape],
  recentRuns: runs(row.pattern),
  ...(row.rate === undefined ? {} : { successRate: row.rate }),
  typicalMs: row.typicalMs,
  costPd7d: `${row.cents}0000000000`,
  ...(row.lastMinutes === undefined ? {} : { lastRunAt: ago(row.lastMinutes) }),
  ...(row.nextMinutes === undefined ? {} : { nextRunAt: ago(-row.nextMinutes) }),
  tags: [],
  isStarred: false,
  editors: row.people.map((name) => ({ id: name, name })),
  may: { run: true, edit: true, publish: true, delete: true },
}));
