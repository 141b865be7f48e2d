/**
 * One connection to a database, and what its failures mean: an error the server reports was rolled back; a connection that breaks before the
 * end of a transaction was too; one that breaks during it leaves open what became of it.
 */
import type { Json, JsonObject, StepCtx, StepErrorKind } from '@plugboard/sdk';
import { StepFailure } from '@plugboard/sdk';
import { Client, Query } from 'pg';
import { asSocket } from '../net/socket.ts';
import { jsonTypes } from './json-types.ts';

export interface Rows {
  readonly rows: readonly JsonObject[];
  /** Rows that were changed or read. */
  readonly count: number;
  /** True for a statement that gives rows, also when it gave none. */
  readonly hasRows: boolean;
}

export interface Session {
  run(sql: string, values: readonly unknown[]): Promise<Rows>;
  /** All of `work`, or nothing of it. */
  transaction<T>(work: () => Promise<T>, options?: { readonly readOnly?: boolean }): Promise<T>;
  close(): Promise<void>;
}

export interface SessionLimits {
  readonly timeoutMs: number;
  /** Rows all statements may give together. */
  readonly maxRows: number;
}

/** Bytes the server may send in one session. */
const BYTES_MAX = 128 * 1024 * 1024;

export async function openSession(account: JsonObject, ctx: StepCtx, { timeoutMs, maxRows }: SessionLimits): Promise<Session> {
  const text = (name: string): string => (typeof account[name] === 'string' ? account[name] : '');
  const host = text('host');
  const port = typeof account['port'] === 'number' ? account['port'] : 5432;
  const at = `${host}:${port}`;
  const socket = asSocket(await ctx.connect({ host, port, timeoutMs: Math.min(timeoutMs, 10_000) }));
  const tls = account['tls'] ?? 'verify';
  const ca = text('ca');
  let received = 0;
  let tooMuch: StepFailure | undefined;
  const client = new Client({
    stream: () => socket,
    host,
    port,
    user: text('user'),
    database: text('database'),
    // Asked for as a function, so that no password of the server's own environment or home is ever taken instead.
    password: () => text('password'),
    ssl: tls === 'off' ? false : { rejectUnauthorized: tls === 'verify', ...(ca !== '' && { ca }) },
    application_name: 'plugboard',
    connectionTimeoutMillis: Math.min(timeoutMs, 15_000),
    types: jsonTypes,
  });
  // One that comes when nobody waits must not end the process; each statement hears of it too.
  client.on('error', () => undefined);
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.byteLength;
    if (received <= BYTES_MAX || tooMuch) return;
    tooMuch = new StepFailure('PG_TOO_MUCH_DATA', `The database sent more than ${BYTES_MAX} bytes. Ask for less at once.`);
    socket.destroy();
  });
  /** Where the session stands when something breaks. */
  let isCommitting = false;
  let given = 0;

  const failure = (error: unknown): StepFailure => tooMuch ?? failureOf(error, at, isCommitting);

  try {
    await client.connect();
    await client.query("select set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false)", [String(timeoutMs)]);
    // The server looks whether we are still there while it works; older ones and some systems cannot.
    await client.query("set client_connection_check_interval = '1s'").catch(() => undefined);
  } catch (error) {
    socket.destroy();
    throw failure(error);
  }

  const run: Session['run'] = (sql, values) =>
    new Promise((resolve, reject) => {
      const rows: JsonObject[] = [];
      const query = new Query({ text: sql, values: values.map(sent), types: jsonTypes } as never);
      query.on('row', (row: JsonObject) => {
        given += 1;
        if (given <= maxRows) rows.push({ ...row });
        else if (!tooMuch) {
          tooMuch = new StepFailure('PG_TOO_MANY_ROWS', `The database gave more than ${maxRows} rows. Add a LIMIT, or allow more.`);
          socket.destroy();
        }
      });
      query.on('error', (error: Error) => reject(failure(error)));
      query.on('end', (result: { readonly rowCount: number | null; readonly fields: readonly unknown[] }) => {
        if (tooMuch) reject(tooMuch);
        else resolve({ rows, count: result.rowCount ?? 0, hasRows: result.fields.length > 0 });
      });
      client.query(query);
    });

  return {
    run,
    async transaction(work, { readOnly = false } = {}) {
      await run(readOnly ? 'begin read only' : 'begin', []);
      let result;
      try {
        result = await work();
      } catch (error) {
        // Where the connection is gone the server rolls back by itself.
        await client.query('rollback').catch(() => undefined);
        throw error;
      }
      isCommitting = !readOnly;
      try {
        const { command } = await client.query('commit');
        if (command !== 'COMMIT') throw new StepFailure('PG_ERROR', 'The database rolled the transaction back.', { kind: 'rejected' });
      } catch (error) {
        throw error instanceof StepFailure ? error : failure(error);
      } finally {
        isCommitting = false;
      }
      return result;
    },
    async close() {
      const ending = client.end().catch(() => undefined);
      // A polite end is not waited for long.
      await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
      socket.destroy();
    },
  };
}

/** Lists and objects travel as JSON text, which json and jsonb take; a list type takes a JSON list through `jsonb_array_elements_text`. */
function sent(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

interface PgError {
  readonly code?: string;
  readonly severity?: string;
  readonly message?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

function failureOf(error: unknown, at: string, isCommitting: boolean): StepFailure {
  const given = error as PgError;
  if (given.severity === undefined) {
    const reason = given.message ?? 'no reason given';
    if (isCommitting)
      return new StepFailure('PG_OUTCOME_UNKNOWN', `${at} did not say whether the transaction was kept.`, { kind: 'unavailable' });
    if (/SSL|certificate|self.signed|TLS|altname/i.test(`${given.code ?? ''} ${reason}`))
      return new StepFailure(
        'PG_TLS_FAILED',
        `${at} made no secure connection (${given.code ?? reason}). Check the certificate, or the choice of TLS.`,
        {
          kind: 'rejected',
        },
      );
    return new StepFailure('PG_NOT_DONE', `${at}: the connection broke before anything was kept.`, { kind: 'rejected' });
  }
  const state = given.code ?? '';
  const { code, kind } = meaning(state);
  const { detail, hint, position, schema, table, column, constraint } = given;
  const facts = Object.entries({ sqlstate: state, detail, hint, position, schema, table, column, constraint });
  const data = Object.fromEntries(facts.filter((fact): fact is [string, string] => typeof fact[1] === 'string' && fact[1] !== ''));
  return new StepFailure(code, `The database answers: ${given.message ?? ''} (${state})`, {
    kind,
    data: data as { readonly [name: string]: Json },
  });
}

/** By class of SQLSTATE. */
function meaning(state: string): { readonly code: string; readonly kind: StepErrorKind } {
  if (state.startsWith('28') || state === '3D000') return { code: 'PG_SIGN_IN', kind: 'auth' };
  // Deadlock, serialisation, no lock, time over, no room, shutting down: the same may work later.
  if (/^(?:40|53|57|55P03)/.test(state)) return { code: 'PG_BUSY', kind: 'rejected' };
  return { code: 'PG_ERROR', kind: 'input' };
}
