/** Sends whoever comes over plain HTTP to the same address over TLS. Nothing else is answered there. */
import { type Server, createServer } from 'node:http';

const MAX_URL_LENGTH = 8 * 1024;

/** @param publicUrl without a slash at its end; what a caller says about the host is not looked at */
export function createRedirect(publicUrl: string): Server {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, maxHeaderSize: 16 * 1024 }, (req, res) => {
    const { url = '/' } = req;
    const path = url.startsWith('/') && !url.startsWith('//') && url.length <= MAX_URL_LENGTH ? url : '/';
    res.writeHead(308, { location: `${publicUrl}${path}`, 'content-length': 0, connection: 'close' });
    res.end();
    req.resume();
  });
  server.maxConnections = 1000;
  return server;
}
