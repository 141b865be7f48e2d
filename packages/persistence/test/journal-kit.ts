/** What tests of the journal share: a migrated database, writers on it, small valid records, and a wire that can be cut. */
import { connect as connectSocket, createServer } from 'node:net';
import type { Socket } from 'node:net';
import pg from 'pg';
import type { AppendResult, Journal, RunEnd, RunHead, RunRecord } from '@plugboard/engine';
import { ensurePartitions, uuidv7 } from '../src/index.ts';
import type { JournalWriter, JournalWriterOptions } from '../src/journal/journal-writer.ts';
import { createJournalWriter } from '../src/journal/journal-writer.ts';
import { createTestDatabase } from './test-database.ts';
import type { TestDatabase } from './test-database.ts';

export interface JournalKit {
  readonly test: TestDatabase;
  /** A connection beside the writers', to look and to meddle. */
  readonly sql: pg.Client;
  connect(): pg.Client;
  /** A writer that is ready; closed with the kit. */
  writer(options?: Partial<JournalWriterOptions>): Promise<JournalWriter>;
  rows<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Ends the server side of all connections whose application name is this. */
  terminate(applicationName: string): Promise<number>;
  close(): Promise<void>;
}

export async function openJournalKit(): Promise<JournalKit> {
  const test = await createTestDatabase();
  const connect = (): pg.Client => new pg.Client({ connectionString: test.url });
  const sql = connect();
  await sql.connect();
  const writers: JournalWriter[] = [];
  return {
    test,
    sql,
    connect,
    async writer(options = {}) {
      const writer = createJournalWriter({
        connect,
        writerId: uuidv7(),
        ensurePartitions: () => ensurePartitions(sql, new Date()),
        maxReconnectDelayMs: 100,
        ...options,
      });
      writers.push(writer);
      await writer.ready();
      return writer;
    },
    rows: async (text, values) => (await sql.query(text, values)).rows,
    terminate: async (applicationName) =>
      (await sql.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [applicationName])).rowCount ??
      0,
    async close() {
      await Promise.all(writers.map((writer) => writer.close(1_000)));
      await sql.end();
      await test.close();
    },
  };
}

export function append(journal: Journal, record: RunRecord): Promise<AppendResult> {
  return new Promise((resolve) => journal.append(record, resolve));
}

export const WORKSPACE = uuidv7();
export const WORKFLOW = uuidv7();

export function aHead(fields: Partial<RunHead> = {}): RunHead {
  const id = fields.id ?? uuidv7();
  return {
    id,
    workspaceId: WORKSPACE,
    workflowId: WORKFLOW,
    environment: 1,
    version: 1,
    triggerKind: 'webhook',
    rootRunId: id,
    startedAt: Date.now(),
    ...fields,
  };
}

export function anEnd(fields: Partial<RunEnd> = {}): RunEnd {
  return { status: 'succeeded', endedAt: Date.now(), ...fields };
}

/** `count` events numbered from `from`, as a record's bytes. */
export function events(from: number, count: number): string {
  return JSON.stringify(Array.from({ length: count }, (_, i) => ({ type: 'log', n: from + i })));
}

/** The only record of a run: it begins and ends in one flush. */
export function shortRun(fields: Partial<RunHead> = {}, end: RunEnd = anEnd()): RunRecord {
  return { head: aHead(fields), create: true, end, status: end.status, fence: 1, fromSeq: 0, toSeq: 2, bytes: events(0, 2) };
}

/** The first record of a run that goes on, with two events. */
export function firstRecord(fields: Partial<RunHead> = {}): RunRecord {
  return { head: aHead(fields), create: true, status: 'running', fence: 1, fromSeq: 0, toSeq: 2, bytes: events(0, 2) };
}

/** The record after `before`, with two events. */
export function nextRecord(before: RunRecord, fields: Partial<RunRecord> = {}): RunRecord {
  const fromSeq = before.toSeq;
  return {
    head: before.head,
    create: false,
    status: 'running',
    fence: before.fence,
    fromSeq,
    toSeq: fromSeq + 2,
    bytes: events(fromSeq, 2),
    ...fields,
  };
}

export function lastRecord(before: RunRecord, end: RunEnd = anEnd(), fields: Partial<RunRecord> = {}): RunRecord {
  return nextRecord(before, { end, status: end.status, ...fields });
}

/** An element that must be there. */
export function nth<Element>(list: readonly Element[], at: number): Element {
  const element = list[at];
  if (element === undefined) throw new Error(`There is no element ${at}`);
  return element;
}

/** Asks again until the answer is yes; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** `silence` swallows the answer and everything after it, and breaks nothing. */
export type Cut = 'request' | 'answer' | 'silence';

/** A wire to the database that loses the next request, or the answer to it. */
export interface Wire {
  connect(): pg.Client;
  cutNext(what: Cut): void;
  readonly cuts: number;
  close(): Promise<void>;
}

export async function openWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const socketFolder = target.searchParams.get('host');
  let armed: Cut | undefined;
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const port = Number(target.port || 5432);
    const upstream = socketFolder === null ? connectSocket(port, target.hostname) : connectSocket(`${socketFolder}/.s.PGSQL.${port}`);
    let lost: Cut | undefined;
    const end = (): void => {
      client.destroy();
      if (lost !== 'silence') upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (data) => {
      const cut = armed;
      armed = undefined;
      if (cut === 'request') {
        cuts++;
        end();
        return;
      }
      lost ??= cut;
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (lost === undefined) {
        client.write(data);
        return;
      }
      // The statement is done once the server is ready for the next one: its answer ends in ReadyForQuery.
      if (lost === 'answer' && data.at(-6) === 0x5a) {
        cuts++;
        end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    connect: () =>
      new pg.Client({ host: '127.0.0.1', port, user: decodeURIComponent(target.username), database: target.pathname.slice(1) }),
    cutNext(what) {
      armed = what;
    },
    get cuts() {
      return cuts;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
