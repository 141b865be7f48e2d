/**
 * The outside world of the effects case: counts the calls it gets and how many different `Idempotency-Key`s they carry.
 * `POST /` is a call, `POST /?delayMs=1000` one that is answered so much later, `GET /` tells the counts, `DELETE /` forgets them.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CallCounts {
  readonly calls: number;
  /** Calls whose key had been seen before. */
  readonly repeated: number;
  readonly withoutKey: number;
}

/** Keys are remembered up to this number; the cases stay far below it. */
const MAX_KEYS = 2_000_000;

let seen = new Set<string>();
let calls = 0;
let repeated = 0;
let withoutKey = 0;

const server = createServer((req, res) => {
  if (req.method === 'POST') {
    const key = req.headers['idempotency-key'];
    calls += 1;
    if (typeof key !== 'string') withoutKey += 1;
    else if (seen.has(key)) repeated += 1;
    else if (seen.size < MAX_KEYS) seen.add(key);
    req.resume();
    const reply = (): unknown => res.writeHead(200, { 'content-type': 'application/json', 'content-length': 11 }).end('{"ok":true}');
    const delayMs = Number(new URL(req.url ?? '/', 'http://localhost').searchParams.get('delayMs'));
    req.on('end', () => (delayMs > 0 ? setTimeout(reply, delayMs) : reply()));
    return;
  }
  if (req.method === 'DELETE') {
    seen = new Set();
    calls = repeated = withoutKey = 0;
  }
  const counts: CallCounts = { calls, repeated, withoutKey };
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(counts));
});
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
