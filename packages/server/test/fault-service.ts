/** The world outside: counts what is written to it, refuses some of it at first, and answers those who wait for a call or a decision. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Write {
  readonly kind: string;
  readonly run: string;
  readonly item: number;
  readonly key: string;
  /** By the clock of this process, in milliseconds. */
  readonly at: number;
}

/** Applied at once and answered later: who dies in between does not know whether it happened. */
const ANSWER_MS = 60;

export class FaultService {
  /** What was applied, in order; what was refused is not here. */
  readonly writes: Write[] = [];
  /** Addresses at which somebody waits for an answer. */
  readonly links = new Set<string>();
  refusals = 0;
  readonly #refused = new Set<string>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<FaultService> {
    const server = createServer();
    const service = new FaultService(server);
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        if (request.method === 'GET') return void response.end();
        const status = service.#take(request.url ?? '', String(request.headers['idempotency-key'] ?? ''), text);
        const answer = (): void => void response.writeHead(status, { 'content-type': 'application/json' }).end('{"ok":true}');
        setTimeout(answer, ANSWER_MS);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #take(path: string, key: string, text: string): number {
    const [, act = '', kind = ''] = path.split('/');
    const body = JSON.parse(text) as { readonly run: string; readonly item: number; readonly link?: string };
    if (act === 'link') {
      if (body.link !== undefined) this.links.add(new URL(body.link).pathname);
      return 200;
    }
    if (kind === 'refused' && !this.#refused.has(key)) {
      this.#refused.add(key);
      this.refusals += 1;
      return 429;
    }
    this.writes.push({ kind, run: body.run, item: body.item, key, at: performance.now() });
    return 200;
  }

  /** Resolves when everything that was sent to it before this moment has been taken: what comes to one door is read in its order. */
  async settled(): Promise<void> {
    await (await fetch(this.url)).text();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
