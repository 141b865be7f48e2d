/** The outside service of the effects workflow: remembers every call it saw, in the order in which they arrived. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenCall {
  readonly run: string;
  readonly call: number;
  readonly key: string;
}

export class CounterService {
  readonly seen: SeenCall[] = [];
  /** Hears of each call as it comes, before it is answered. */
  onCall: () => void = () => {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(): Promise<CounterService> {
    const server = createServer();
    const service = new CounterService(server);
    server.on('request', (req, res) => {
      let body = '';
      req.setEncoding('utf8');
      req.on('data', (chunk: string) => (body += chunk));
      req.on('end', () => {
        const { run, call } = JSON.parse(body) as { run: string; call: number };
        service.seen.push({ run, call, key: String(req.headers['idempotency-key'] ?? '') });
        service.onCall();
        res.setHeader('content-type', 'application/json').end('{"ok":true}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  byRun(): Map<string, SeenCall[]> {
    return Map.groupBy(this.seen, (call) => call.run);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
