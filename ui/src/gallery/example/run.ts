/** The example run: reading works, Finance takes its time, the ledger refuses three times. */
import type { RunDetail, RunFact } from '../../api/types.ts';
import { INVOICES } from './workflow.ts';

export const RUN_STARTED = Date.parse('2026-11-20T14:05:31.000Z');
const at = (ms: number): string => new Date(RUN_STARTED + ms).toISOString();
const WAIT_MS = 6_720_000;

type Unnumbered = RunFact extends infer F ? (F extends RunFact ? Omit<F, 'seq'> : never) : never;

const busy = { code: 'HTTP_503', message: 'The ledger answered 503', item: 1 } as const;

/** Twelve lines one after another, as a journal tells them. */
const LINES: Unnumbered[] = Array.from({ length: 12 }, (_, index) => ({
  type: 'step.progress',
  at: at(6_900 + index * 610),
  node: 'lines',
  phase: 'active',
  done: index + 1,
  failed: 0,
  total: 12,
}));

const EVENTS: Unnumbered[] = [
  { type: 'run.started', at: at(0), trigger: 'mail', items: 3, status: 'running' },
  { type: 'step.started', at: at(100), node: 'read', phase: 'active', attempt: 1, items: 3 },
  { type: 'step.started', at: at(110), node: 'archive', phase: 'active', attempt: 1, items: 3 },
  { type: 'step.finished', at: at(1410), node: 'archive', phase: 'succeeded', startedAt: at(110), out: { main: 3 } },
  { type: 'step.progress', at: at(2900), node: 'read', phase: 'active', done: 1, failed: 0, total: 3 },
  { type: 'step.progress', at: at(5100), node: 'read', phase: 'active', done: 2, failed: 0, total: 3 },
  { type: 'step.finished', at: at(6800), node: 'read', phase: 'succeeded', startedAt: at(100), out: { main: 3, error: 0 } },
  {
    type: 'step.finished',
    at: at(6804),
    node: 'over',
    phase: 'succeeded',
    startedAt: at(6800),
    out: { true: 1, false: 2 },
    also: [{ node: 'tell', phase: 'skipped', because: 'empty' }],
  },
  { type: 'step.started', at: at(6810), node: 'lines', phase: 'active', attempt: 1, items: 12 },
  { type: 'step.started', at: at(6820), node: 'approve', phase: 'active', attempt: 1, items: 1 },
  ...LINES,
  { type: 'step.finished', at: at(14_200), node: 'lines', phase: 'succeeded', startedAt: at(6810), out: { main: 12 } },
  { type: 'other', at: at(14_210), event: 'wait.started', node: 'approve', phase: 'active', status: 'waiting', waitingFor: 'approval' },
  { type: 'wait.ended', at: at(14_210 + WAIT_MS), node: 'approve', phase: 'active', status: 'running' },
  { type: 'step.finished', at: at(14_400 + WAIT_MS), node: 'approve', phase: 'succeeded', startedAt: at(6820), out: { main: 1 } },
  { type: 'step.started', at: at(14_600 + WAIT_MS), node: 'post', phase: 'active', attempt: 1, items: 3 },
  { type: 'step.failed', at: at(15_300 + WAIT_MS), node: 'post', phase: 'retry', attempt: 1, error: busy },
  { type: 'retry.scheduled', at: at(15_300 + WAIT_MS), node: 'post', phase: 'backoff', attempt: 2, dueAt: at(17_300 + WAIT_MS) },
  { type: 'step.started', at: at(17_300 + WAIT_MS), node: 'post', phase: 'active', attempt: 2, items: 3 },
  { type: 'step.failed', at: at(18_000 + WAIT_MS), node: 'post', phase: 'retry', attempt: 2, error: busy },
  { type: 'retry.scheduled', at: at(18_000 + WAIT_MS), node: 'post', phase: 'backoff', attempt: 3, dueAt: at(26_000 + WAIT_MS) },
  { type: 'step.started', at: at(26_000 + WAIT_MS), node: 'post', phase: 'active', attempt: 3, items: 3 },
  { type: 'step.failed', at: at(26_800 + WAIT_MS), node: 'post', phase: 'failed', attempt: 3, error: busy },
  {
    type: 'run.ended',
    at: at(26_810 + WAIT_MS),
    status: 'failed',
    activeMs: 29_700,
    error: { code: 'HTTP_503', message: 'The ledger answered 503', nodeId: 'post', nodeName: 'Post to ledger', item: 1 },
    also: [{ node: 'reply', phase: 'skipped', because: 'not_reached' }],
  },
];

export const FACTS: readonly RunFact[] = EVENTS.map((event, index): RunFact => ({ ...event, seq: index + 1 }));

export const RUN: RunDetail = {
  id: '019aa0e2-4c17-7b5e-9d1c-3f5200048213',
  workflow: { id: 'w1', name: INVOICES.name },
  version: 12,
  status: 'failed',
  trigger: 'poll',
  startedAt: at(0),
  endedAt: at(26_810 + WAIT_MS),
  durationMs: 26_810 + WAIT_MS,
  costPd: '13100000000',
  error: { code: 'HTTP_503', message: 'The ledger answered 503', nodeId: 'post', nodeName: 'Post to ledger', item: 1 },
  definition: INVOICES,
  seq: FACTS.length,
  activeMs: 29_700,
  itemsIn: 3,
  modes: ['triggered', 'sequential'],
  owner: { name: 'worker-2', takenOverFrom: 'worker-1' },
  budget: { rootRunId: '019aa0e2-4c17-7b5e-9d1c-3f5200048213', spentPd: '13100000000', reservedPd: '0', limitPd: '5000000000000' },
  limits: { costPd: '5000000000000', activeMs: 1_800_000 },
  may: { control: true, readData: true, again: true, retry: true, rerun: true },
};

export const ITEMS = [
  {
    number: 'RE-2026-04415',
    supplier: { name: 'Oderland Druck', vat_id: 'DE987654321' },
    issued: '2026-11-16',
    terms_days: 22,
    total: 1122.4,
    currency: 'EUR',
    lines: [{ text: 'Flyer A5', count: 2000, price: 0.42 }],
  },
  {
    number: 'RE-2026-04417',
    supplier: { name: 'Brandt Verpackung GmbH', vat_id: 'DE123456789' },
    issued: '2026-11-17',
    terms_days: 14,
    total: 6480,
    currency: 'EUR',
    lines: [
      { text: 'Faltkarton 400 x 300, doppelt', count: 4000, price: 0.62 },
      { text: 'Palettenbox 800 x 600', count: 350, price: 5.1 },
      { text: 'Packpapier, Rolle 50 m', count: 60, price: 14.9 },
      { text: 'Klebeband, 36er Karton', count: 18, price: 15.91 },
    ],
  },
  {
    number: 'F-88120',
    supplier: { name: 'Van Dijk Logistiek', vat_id: 'NL000099998B57' },
    issued: '2026-11-18',
    terms_days: 28,
    total: 318.95,
    currency: 'EUR',
    lines: [{ text: 'Transport', count: 1, price: 318.95 }],
  },
].map((json) => ({
  json,
  files: {
    invoice: { id: `f-${json.number}`, name: `${json.number}.pdf`, mime: 'application/pdf', size: 214_000, sha256: '0'.repeat(64) },
  },
}));
