import { DatabaseError } from '@plugboard/persistence';
import { createTestDatabase } from '@plugboard/persistence/testing';
import { StepFailure } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { throughOutages } from './through-outages.ts';

/** Pauses are over at once. */
const clock = {
  now: () => 0,
  monotonicMs: () => 0,
  random: () => 0,
  after: (_: number, act: () => void) => (act(), { cancel: () => undefined }),
};

describe('rule 3: what a step asks of a database that is away', () => {
  test('is asked again until it is back', async () => {
    const failures = [
      Object.assign(new Error('terminating connection due to unexpected postmaster exit'), { code: '57P01' }),
      Object.assign(new Error('no space left on device'), { code: '53100' }),
      Object.assign(new Error('connect ENOENT'), { code: 'ENOENT', syscall: 'connect' }),
      new DatabaseError('DATABASE_UNREACHABLE', 'away'),
      new Error('Connection terminated unexpectedly'),
    ];
    const left = [...failures];
    const result = await throughOutages(
      async () => {
        const failure = left.shift();
        if (failure) throw failure;
        return 'there';
      },
      { clock },
    );
    expect(result).toBe('there');
  });

  test.each(['a statement', 'two statements', 'two statements of a transaction'])(
    'goes on over a connection that is cut under %s',
    async (what) => {
      const { database, close } = await createTestDatabase();
      let cuts = 0;
      const work = async (query: (text: string) => Promise<unknown>): Promise<void> => {
        const pid = ((await query('select pg_backend_pid() as pid')) as { pid: number }[])[0]?.pid;
        const next = what === 'a statement' ? query('select pg_sleep(1)') : undefined;
        next?.catch(() => undefined);
        if ((cuts += 1) < 3) await database.query('select pg_terminate_backend($1, 10000)', [pid]);
        // The cut is known here as soon as the socket was read.
        await new Promise((resolve) => setImmediate(resolve));
        await (next ?? query('select 1'));
      };
      await throughOutages(
        async () => {
          if (what !== 'two statements of a transaction')
            return database.withClient((client) => work(async (text) => (await client.query(text)).rows));
          return (await database.dataSource()).transaction((manager) => work((text) => manager.query(text)));
        },
        { clock },
      );
      expect(cuts).toBe(3);
      await close();
    },
  );

  test.each([
    ['a value the database cannot take', Object.assign(new Error('invalid'), { code: '22P02' })],
    ['a refusal', new StepFailure('WORKFLOW_NOT_FOUND', 'There is none')],
    ['a file that is missing', Object.assign(new Error('open ENOENT'), { code: 'ENOENT', syscall: 'open' })],
  ])('%s is told at once', async (_, failure) => {
    let asked = 0;
    const asking = throughOutages(
      async () => {
        asked += 1;
        throw failure;
      },
      { clock },
    );
    await expect(asking).rejects.toBe(failure);
    expect(asked).toBe(1);
  });

  test('is not asked again once nobody waits for it', async () => {
    const away = new DatabaseError('DATABASE_UNREACHABLE', 'away');
    await expect(throughOutages(() => Promise.reject(away), { clock, signal: AbortSignal.abort() })).rejects.toBe(away);
  });
});
