/** The one writer of answers outside Koa: JSON, with the headers that keep user content from acting as a page. */
import type { ServerResponse } from 'node:http';
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
