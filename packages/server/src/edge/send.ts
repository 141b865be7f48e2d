/** The one writer of answers outside Koa: JSON, text and files, with the headers that keep user content from acting as a page. */
import type { ServerResponse } from 'node:http';
import { type Readable, pipeline } from 'node:stream';
import { newRequestId } from './request-id.ts';

const GUARD_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': 'sandbox',
} as const;

/** A body or its length after these would be read as the next answer. */
const WITHOUT_BODY = new Set([204, 205, 304]);

export function sendText(
  res: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers?: Readonly<Record<string, string>>,
): void {
  if (res.headersSent || res.destroyed) return;
  if (WITHOUT_BODY.has(status)) {
    const length = status === 205 ? { 'content-length': 0 } : undefined;
    res.writeHead(status, { 'x-request-id': newRequestId(), ...GUARD_HEADERS, ...headers, ...length });
    res.end();
    return;
  }
  res.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'x-request-id': newRequestId(),
    ...GUARD_HEADERS,
    ...headers,
  });
  res.end(text);
}

/** Sends bytes as they come; the connection ends where they break off, so that nobody takes a part for the whole. */
export function sendStream(res: ServerResponse, status: number, headers: Readonly<Record<string, string>>, content: Readable): void {
  if (res.headersSent || res.destroyed) return void content.destroy();
  res.writeHead(status, { 'x-request-id': newRequestId(), ...GUARD_HEADERS, ...headers });
  if (WITHOUT_BODY.has(status) || res.req.method === 'HEAD') {
    content.destroy();
    res.end();
    return;
  }
  pipeline(content, res, (error) => {
    if (error) res.destroy();
  });
}

export function sendJson(res: ServerResponse, status: number, body: unknown, headers?: Readonly<Record<string, string>>): void {
  sendText(res, status, 'application/json; charset=utf-8', JSON.stringify(body), headers);
}

export function sendProblem(
  res: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers?: Readonly<Record<string, string>>,
): void {
  sendJson(res, status, { error: { code, message } }, headers);
}
