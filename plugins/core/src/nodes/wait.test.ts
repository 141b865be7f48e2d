import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

/** The harness's start of every step is 2026-01-01T00:00:00Z. */
const until = async (params: object) => {
  const { end, items } = await both(
    step('wait')
      .params(params as never)
      .items([{ n: 1 }, { n: 2 }]),
  );
  expect(items).toEqual([{ n: 1 }, { n: 2 }]);
  return end.ok && end.wait?.until !== undefined ? new Date(end.wait.until).toISOString() : undefined;
};

describe('wait', () => {
  test('holds the items back for a time, counted from the start of the step', async () => {
    expect(await until({ amount: 90 })).toBe('2026-01-01T01:30:00.000Z');
    expect(await until({ amount: 1.5, unit: 'seconds' })).toBe('2026-01-01T00:00:01.500Z');
    expect(await until({ amount: 2, unit: 'days' })).toBe('2026-01-03T00:00:00.000Z');
  });

  test('holds them back until an instant, with its offset', async () => {
    expect(await until({ mode: 'until', until: '2026-12-24T18:00:00+01:00' })).toBe('2026-12-24T17:00:00.000Z');
  });

  test('refuses what is no time and no instant, and an instant out of reach', async () => {
    const refused = async (params: object) =>
      codes(
        await both(
          step('wait')
            .params(params as never)
            .items([{}]),
        ),
      );
    expect(await refused({ mode: 'until', until: '9999-12-31T23:00:00Z' })).toEqual(['WAIT_INVALID']);
  });
});

describe('wait for a call', () => {
  test('waits for ever, or until its limit, at which its items go on as too late', async () => {
    const given = () => step('wait-for-call').items([{ n: 1 }]);
    const forEver = await both(given().params({ limited: false }));
    expect(forEver.end).toEqual({ ok: true, outputs: [], wait: { kind: 'signal' } });
    const limited = await both(given().params({ amount: 2, unit: 'hours' }));
    expect(limited.end).toMatchObject({ wait: { kind: 'signal', until: Date.parse('2026-01-01T02:00:00Z') } });
    expect(limited.ports).toEqual({ late: [{ json: { n: 1 } }] });
  });
});
