/** The public audit of GraphQL over HTTP against the whole server: everything it says a server must do, and everything it should. */
import { type AuditResult, serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, startTestServer } from './test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** The address is not known while tests are listed. */
const audits = serverAudits({
  url: () => `${server.url}/graphql`,
  // The audit reads the schema, which strangers may not.
  fetchFn: (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, headers: { ...(init.headers as object), authorization: `Bearer ${server.token}` } }),
});

describe('GraphQL over HTTP', () => {
  test('has an audit for each rule of the specification', () => expect(audits.length).toBeGreaterThan(50));

  test.each(audits.map((audit) => [audit.name, audit] as const))('%s', async (_, audit) => {
    const result: AuditResult = await audit.fn();
    const reason = 'reason' in result ? result.reason : '';
    // `notice` is what a server may do.
    expect([result.status, reason]).toEqual([result.status === 'notice' ? 'notice' : 'ok', result.status === 'notice' ? reason : '']);
  });
});
