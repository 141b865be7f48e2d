/** A request as the item its run begins with. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FileRef, Item, Json, JsonObject } from '@plugboard/sdk';
import { type BodyProblem, formData } from '../edge/read-body.ts';
import type { HookDedupe } from './hook-spec.ts';

export const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);
/** Headers a workflow never sees. */
const HIDDEN_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);
/** The length of a key that tells deliveries apart; longer ones are no keys. */
const MAX_KEY = 1000;

export interface RequestAddress {
  /** Below the prefix, as it was sent, with a slash before it. */
  readonly path: string;
  readonly query: string;
  readonly params: { readonly [name: string]: string };
}

export interface RequestContent {
  readonly body: Json;
  readonly files?: { readonly [name: string]: FileRef } | undefined;
  /** What a proof said of the caller. */
  readonly who?: JsonObject | undefined;
  /** A header that carried a secret, lower case. */
  readonly hidden?: string | undefined;
}

export type ItemResult = { readonly ok: true; readonly item: Item } | { readonly ok: false; readonly problem: BodyProblem };

export function requestItem(req: IncomingMessage, { path, query, params }: RequestAddress, content: RequestContent): ItemResult {
  const parsed = query === '' ? EMPTY_QUERY : formData(query, 'query');
  if (!parsed.ok) return parsed;
  const { body, who, files } = content;
  const json = {
    body,
    headers: visibleHeaders(req, content.hidden),
    query: parsed.value,
    params,
    method: req.method ?? '',
    path,
  };
  if (who === undefined && files === undefined) return { ok: true, item: { json } };
  return { ok: true, item: { json: who === undefined ? json : { ...json, auth: who }, ...(files ? { files } : {}) } };
}

const EMPTY_QUERY = { ok: true, value: {} } as const;

function visibleHeaders(req: IncomingMessage, hidden: string | undefined): JsonObject {
  const headers: { [name: string]: string } = {};
  for (const name in req.headers) {
    if (HIDDEN_HEADERS.has(name) || name === hidden) continue;
    const value = req.headers[name];
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return headers;
}

/** What tells this delivery from every other one; undefined where the sender says nothing. */
export function deliveryKey(dedupe: HookDedupe, req: IncomingMessage, item: Item): string | undefined {
  const value = 'header' in dedupe ? req.headers[dedupe.header.toLowerCase()] : fieldAt(item.json, dedupe.field.split('.'));
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
  return text === undefined || text === '' || text.length > MAX_KEY ? undefined : text;
}

/** Of what was sent, apart from headers: whoever sends the same knows what the answer is about. */
export function contentFingerprint({ json, files }: Item): string {
  const { body, query, params, method } = json;
  const contents = Object.entries(files ?? {}).map(([name, file]) => [name, file.sha256]);
  return createHash('sha256')
    .update(JSON.stringify([method, params, query, body, contents]))
    .digest('base64url');
}

function fieldAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    if (Array.isArray(at)) at = /^\d{1,6}$/.test(name) ? (at as readonly Json[])[Number(name)] : undefined;
    else at = Object.hasOwn(at, name) ? (at as JsonObject)[name] : undefined;
  }
  return at;
}
