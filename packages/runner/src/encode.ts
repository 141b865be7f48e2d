/**
 * Events as journal text. A large event goes to the blob store whole, before the record that names it is queued;
 * the journal keeps what lists and timelines show: type, node, times and how many items.
 */
import type { BlobRef, BlobStore, PayloadText, RunEvent, RunHead } from '@plugboard/engine';
import { jsonParts } from './json-in-parts.ts';
import type { Turns } from './turns.ts';

/** Events whose text is longer than this leave the journal, in characters. */
export const SPILL_LENGTH = 64 * 1024;

interface SpilledEvent {
  readonly type: RunEvent['type'];
  readonly at: number;
  readonly node?: string;
  readonly blob: BlobRef;
  /** Items by port, where the event has outputs. */
  readonly counts?: { readonly [port: string]: number };
}

/** Journal text, or a promise of it while a large payload is being stored. */
export type EncodedEvent = string | Promise<string>;

export interface Encoded {
  readonly text: EncodedEvent;
  /** Of the event's whole text, in UTF-16 units. */
  readonly length: number;
}

/** Undefined when the event's text is longer than `limit`. */
export function encodeEvent(
  event: RunEvent,
  blobs: BlobStore,
  of: Pick<RunHead, 'id' | 'workspaceId'>,
  limit: number,
): Encoded | undefined {
  const text = (event.type === 'step.finished' ? finishedText(event) : undefined) ?? JSON.stringify(event);
  const { length } = text;
  if (length > limit) return undefined;
  return { text: length <= SPILL_LENGTH ? text : quiet(spill(event, text, blobs, of)), length };
}

/** Ids that stand in JSON as they are. */
const PLAIN_ID = /^[\w-]{1,100}$/;

/** The commonest event, one item at one port, put together around the item: a third of the time. Undefined for any other. */
function finishedText(event: Extract<RunEvent, { type: 'step.finished' }>): string | undefined {
  const { at, node, startedAt, outputs, path, logs } = event;
  const { main } = outputs;
  if (!main || main.items.length !== 1 || main.from || path || logs || !PLAIN_ID.test(node)) return undefined;
  for (const port in outputs) if (port !== 'main') return undefined;
  const [item] = main.items;
  if (!item || item.files) return undefined;
  return `{"type":"step.finished","at":${at},"node":"${node}","startedAt":${startedAt},"outputs":{"main":{"items":[{"json":${JSON.stringify(item.json)}}]}}}`;
}

/** As {@link encodeEvent}, in slices, for an event that is known to be large and to stay as it is. Its text is stored in parts. */
export function encodeLargeEvent(
  event: RunEvent,
  blobs: BlobStore,
  of: Pick<RunHead, 'id' | 'workspaceId'>,
  turns: Turns,
): Promise<string> {
  const encode = async (): Promise<string> => {
    const parts = (await turns.run(jsonParts(event), () => true)) ?? [];
    let length = 0;
    for (const part of parts) length += part.length;
    return length <= SPILL_LENGTH ? parts.join('') : spill(event, parts, blobs, of);
  };
  return quiet(encode());
}

/** The record that names the payload learns of a failure; until then nobody waits for it. */
function quiet(stored: Promise<string>): Promise<string> {
  stored.catch(() => undefined);
  return stored;
}

async function spill(event: RunEvent, text: PayloadText, blobs: BlobStore, of: Pick<RunHead, 'id' | 'workspaceId'>): Promise<string> {
  return JSON.stringify(spilled(event, await blobs.put(of.workspaceId, text, of.id)));
}

function spilled(event: RunEvent, blob: BlobRef): SpilledEvent {
  const counts: { [port: string]: number } = {};
  if ('outputs' in event) for (const port in event.outputs) counts[port] = event.outputs[port]?.items.length ?? 0;
  return {
    type: event.type,
    at: event.at,
    ...('node' in event ? { node: event.node } : {}),
    blob,
    ...('outputs' in event ? { counts } : {}),
  };
}

/** Events as one stored chunk, with the payloads it names. */
export async function encodeEvents(
  events: readonly RunEvent[],
  blobs: BlobStore,
  of: Pick<RunHead, 'id' | 'workspaceId'>,
): Promise<{ readonly text: string; readonly payloads: readonly string[] }> {
  const payloads: string[] = [];
  const texts: string[] = [];
  for (const event of events) {
    const text = JSON.stringify(event);
    if (text.length <= SPILL_LENGTH) {
      texts.push(text);
      continue;
    }
    const blob = await blobs.put(of.workspaceId, text, of.id);
    payloads.push(blob.sha256);
    texts.push(JSON.stringify(spilled(event, blob)));
  }
  return { text: `[${texts.join(',')}]`, payloads };
}

/** Reads the events of a stored chunk back, large ones from the blob store. */
export async function decodeEvents(chunk: string, blobs: BlobStore, workspaceId: string): Promise<RunEvent[]> {
  const stored = JSON.parse(chunk) as (RunEvent | SpilledEvent)[];
  if (!stored.some((event) => 'blob' in event)) return stored as RunEvent[];
  return Promise.all(
    stored.map(async (event) => ('blob' in event ? (JSON.parse(await blobs.get(workspaceId, event.blob)) as RunEvent) : event)),
  );
}

/** JSON text of the events of a stored chunk, large payloads included, in UTF-16 units or more. */
export function storedSize(chunk: string): number {
  let size = chunk.length;
  if (!chunk.includes('"blob":')) return size;
  for (const event of JSON.parse(chunk) as (RunEvent | SpilledEvent)[]) if ('blob' in event) size += event.blob.size;
  return size;
}
