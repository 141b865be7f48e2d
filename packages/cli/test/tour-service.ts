/** The outside world of the example workflows inside a test: answers as each test says, and remembers every request. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** Undefined where the request has none. */
  readonly key: string | undefined;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: object;
}

export class TourService {
  readonly seen: SeenRequest[] = [];
  /** Decides each answer; a test replaces it. */
  answer: (request: SeenRequest) => Answer = () => ({ status: 404, body: {} });
  readonly #server: Server = createServer();

  static async listen(): Promise<TourService> {
    const service = new TourService();
    service.#server.on('request', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const key = req.headers['idempotency-key'];
        const request = {
          method: req.method ?? '',
          path: req.url ?? '',
          key: typeof key === 'string' ? key : undefined,
          body: Buffer.concat(chunks).toString(),
        };
        // One of the examples asks by itself, every few seconds.
        const asksByItself = request.path === '/articles';
        if (!asksByItself) service.seen.push(request);
        const { status, body } = asksByItself ? { status: 200, body: [] } : service.answer(request);
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
