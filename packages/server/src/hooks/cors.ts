/** What pages of other origins may do with a webhook: the headers that tell their browser so. The workflow itself never sets them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HookCors } from './hook-spec.ts';

/** Names a page may ask to send; whatever else stands in the request is left out. */
const TOKENS = /^[a-z0-9-]+(?:\s*,\s*[a-z0-9-]+){0,49}$/i;

/** Sets the headers on whatever will be answered. Nothing is set for origins that are not listed, so that their browser refuses. */
export function allowOrigin(cors: HookCors, req: IncomingMessage, res: ServerResponse): boolean {
  const anybody = cors.origins.includes('*') && !cors.credentials;
  // An answer for one origin must not be handed to another one by a cache on the way.
  if (!anybody) res.setHeader('vary', 'Origin');
  const { origin } = req.headers;
  if (origin === undefined) return false;
  // `null` is what sandboxed pages of anybody say.
  if (!anybody && (origin === 'null' || !cors.origins.includes(origin.toLowerCase()))) return false;
  res.setHeader('access-control-allow-origin', anybody ? '*' : origin);
  if (cors.credentials) res.setHeader('access-control-allow-credentials', 'true');
  res.setHeader('access-control-expose-headers', 'X-Request-Id, Idempotency-Replayed');
  return true;
}

/** Answers the question a browser asks before a request. Never starts a run. */
export function answerPreflight(cors: HookCors, methods: readonly string[], req: IncomingMessage, res: ServerResponse): void {
  if (allowOrigin(cors, req, res)) {
    res.setHeader('access-control-allow-methods', methods.join(', '));
    const asked = req.headers['access-control-request-headers'];
    if (asked !== undefined && TOKENS.test(asked)) res.setHeader('access-control-allow-headers', asked);
    if (cors.maxAgeSeconds > 0) res.setHeader('access-control-max-age', String(cors.maxAgeSeconds));
  }
  res.setHeader('vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
}
