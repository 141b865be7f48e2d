/** Single requests of the bench itself: bounded, on a connection of their own, never thrown at a server under load in numbers. */
import { request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly body?: string;
  /** @default 5000 */
  readonly timeoutMs?: number;
}

/** Undefined when there is no answer: refused, broken, or too late. */
export function ask(url: string, { method = 'GET', body, timeoutMs = 5000 }: Ask = {}): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8') }));
      answer.on('error', () => resolve(undefined));
    });
    sent.on('error', () => resolve(undefined));
    sent.end(body);
  });
}

/** Value of a Prometheus series, such as `runs_total{status="failed"}`, spelt as the server spells it. Undefined when it is not there. */
export function metricValue(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  const value = line === undefined ? Number.NaN : Number(line.slice(series.length).trim().split(' ')[0]);
  return Number.isNaN(value) ? undefined : value;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
