/**
 * The floor: node:http that reads a JSON body and sends it back, and stores nothing. No server on Node that does the same work over HTTP
 * is faster, so a ratio to it says what durability and workflows cost.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const MAX_BODY_BYTES = 1024 * 1024;

const server = createServer((req, res) => {
  const pieces: Buffer[] = [];
  let size = 0;
  req.on('data', (piece: Buffer) => {
    size += piece.length;
    if (size > MAX_BODY_BYTES) req.destroy();
    else pieces.push(piece);
  });
  req.on('end', () => {
    let reply: string;
    try {
      reply = JSON.stringify(JSON.parse(Buffer.concat(pieces).toString('utf8')));
    } catch {
      res.writeHead(400).end();
      return;
    }
    res.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(reply) });
    res.end(reply);
  });
});
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
