/** The list trigger against services that give long lists, odd ids and the same again. */
import type { Json, JsonObject, PollCtx, PollPage } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { pollHttp } from './poll-http.ts';

/** Items that start something; the cursor is kept as the server would. */
function poller(first: 'start' | 'remember' = 'start') {
  let cursor: Json | undefined;
  return async (list: readonly JsonObject[]): Promise<{ readonly ids: readonly Json[]; readonly cursorLength: number }> => {
    const poll = pollHttp.poll as unknown as (args: object) => AsyncGenerator<PollPage>;
    const params = { url: 'https://service.example/', everySeconds: 5, idField: 'id', watch: 'new', since: false, first };
    const ctx = { http: { get: () => Promise.resolve({ data: list }) } } as unknown as PollCtx;
    const ids: Json[] = [];
    for await (const page of poll({ params, cursor, isTest: false, ctx })) {
      ids.push(...page.items.map((one) => (one as JsonObject)['id'] ?? null));
      // As the database gives it back.
      cursor = JSON.parse(JSON.stringify(page.cursor)) as Json;
    }
    return { ids, cursorLength: JSON.stringify(cursor).length };
  };
}

const items = (count: number): JsonObject[] => Array.from({ length: count }, (_, n) => ({ id: `item-${n}` }));

describe('a list', () => {
  test('that is longer than what is remembered of the past starts each item once all the same', async () => {
    const look = poller();
    expect((await look(items(12_000))).ids).toHaveLength(12_000);
    expect((await look(items(12_000).toReversed())).ids).toEqual([]);
    expect((await look(items(12_001))).ids).toEqual(['item-12000']);
  });

  test('of ids as long as they come, or called as parts of objects, is told apart and remembered in few words', async () => {
    const look = poller();
    const odd = [{ id: '__proto__' }, { id: 'constructor' }, { id: 'x'.repeat(1_000_000) }, { id: `${'x'.repeat(1_000_000)}y` }];
    const first = await look(odd);
    expect(first.ids).toHaveLength(4);
    expect(first.cursorLength).toBeLessThan(1000);
    expect((await look(odd)).ids).toEqual([]);
  });

  test('without an end says what to do, and nothing is started', async () => {
    await expect(poller()(items(50_001))).rejects.toMatchObject({ code: 'LIST_TOO_LONG' });
  });
});
