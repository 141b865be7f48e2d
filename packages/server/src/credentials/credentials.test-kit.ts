/** An outside service for tests, and short ways to make credentials and to run a request with them. */
import { type IncomingHttpHeaders, type IncomingMessage, type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, ApiKit, TestCaller } from '../operation/api.test-kit.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Service {
  readonly url: string;
  /** As a credential names it. */
  readonly host: string;
  readonly seen: SeenRequest[];
  /** What answers; by default everything that was sent. */
  answer: (request: SeenRequest, ...args: Parameters<RequestListener>) => void;
  close(): Promise<void>;
}

export async function openService(): Promise<Service> {
  const seen: SeenRequest[] = [];
  const server = createServer((req, res) => {
    void bodyOf(req).then((body) => {
      const request = { method: req.method ?? '', url: req.url ?? '', headers: req.headers, body };
      seen.push(request);
      service.answer(request, req, res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service: Service = {
    url,
    host: url,
    seen,
    answer: (request, _, res) =>
      void res
        .setHeader('content-type', 'application/json')
        .setHeader('x-echo', String(request.headers.authorization))
        .end(JSON.stringify(request)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return service;
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export interface RunOutcome {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: string; readonly message: string };
  /** Everything the API tells about it. */
  readonly text: string;
}

export interface CredentialKit {
  /** Makes one; fails the test when it is refused. */
  make(type: string, data: object, hosts: readonly string[], more?: object): Promise<{ readonly id: string; readonly key: string }>;
  /** A draft run of one request. */
  request(params: object, by?: TestCaller): Promise<RunOutcome>;
  outcome(runId: string): Promise<RunOutcome>;
}

let count = 0;
export const unique = (what = 'thing'): string => `${what}-${(count += 1)}`;

/** A manual start and a request after it. */
export function requestDefinition(name: string, params: object): object {
  const node = (id: string, type: string, given: object): object => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params: given },
  });
  return {
    schema: 1,
    name,
    nodes: [node('start', 'core/manual', {}), node('ask', 'core/http-request', params)],
    edges: [{ id: 'e', source: 'start', sourceHandle: 'main', target: 'ask', targetHandle: 'main' }],
    settings: {},
  };
}

export function credentialKit(kit: ApiKit, owner: TestCaller): CredentialKit {
  const demand = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
    return answer;
  };
  const outcome: CredentialKit['outcome'] = async (runId) => {
    const state = demand(await kit.rest(owner, 'GET', `/runs/${runId}/state?waitMs=30000`));
    const [output, detail, facts] = await Promise.all(
      ['output', 'detail', 'facts'].map((part) => kit.rest(owner, 'GET', `/runs/${runId}/${part}`)),
    );
    const { status, error } = state.json;
    return {
      id: runId,
      status,
      ...(error ? { error } : {}),
      text: `${state.text}${output?.text}${detail?.text}${facts?.text}`,
    };
  };
  return {
    async make(type, data, hosts, more = {}) {
      const key = unique('key');
      const made = demand(await kit.rest(owner, 'POST', '/credentials', { key, name: key, type, data, allowedHosts: hosts, ...more }));
      return { id: made.json.id, key };
    },
    async request(params, by = owner) {
      const started = demand(await kit.rest(by, 'POST', '/runs', { definition: requestDefinition(unique('run'), params) }));
      return outcome(started.json.runId);
    },
    outcome,
  };
}
