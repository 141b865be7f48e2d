/** A real service outside, which remembers what it was asked. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from '@plugboard/sdk';

export interface SeenCall {
  readonly key: string;
  readonly body: Json;
}
export type Answer = { readonly status: number; readonly headers?: { readonly [name: string]: string } } | 'hang' | 'cut';

/** Remembers every call; answers as the test says, by the number of the call from 0. */
export class Service {
  readonly seen: SeenCall[] = [];
  readonly url: string;
  answer: (call: SeenCall, n: number) => Answer | Promise<Answer> = () => ({ status: 200 });
  readonly #server: ReturnType<typeof createServer>;

  static async listen(): Promise<Service> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Service(server);
  }

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    server.on('request', (req: IncomingMessage, res: ServerResponse) => void this.#take(req, res));
  }

  /** An address nobody listens at. */
  static async deadUrl(): Promise<string> {
    const service = await Service.listen();
    await service.close();
    return service.url;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const call: SeenCall = { key: String(req.headers['idempotency-key'] ?? ''), body: text === '' ? null : (JSON.parse(text) as Json) };
    this.seen.push(call);
    const answer = await this.answer(call, this.seen.length - 1);
    if (answer === 'cut') return void req.socket.destroy();
    if (answer === 'hang') return;
    res.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end('{"ok":true}');
  }
}
