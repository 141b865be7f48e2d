/**
 * Asks an address for a JSON list and starts a run with what is new in it. The cursor remembers which items were there, so that one that was
 * seen starts nothing again, whatever order the service gives them in; or also how each looked, to find those that changed.
 */
import { createHash } from 'node:crypto';
import { type Json, type JsonObject, StepFailure, defineTrigger, p, when } from '@plugboard/sdk';
import { httpCredential } from '../credentials/any-http.ts';
import { isList, isObject, readField } from '../data/field-path.ts';
import { identity } from '../data/identity.ts';

/** Items that are remembered beside those of the last answer; the ones that have been gone longest are forgotten first. */
const MOST_GONE = 5000;
/** Items of one answer: all of them are remembered, for one that was forgotten would start again. */
const MOST_ITEMS = 50_000;
/** A longer id is remembered by its digest. */
const LONGEST_ID = 100;
/** Items of one run. */
const PAGE = 500;
const SHOWN = 10;

interface Cursor {
  /** Of the parameters that say what is asked: with others all begins anew. */
  readonly source: string;
  /** How each item looked, by its id; the one seen last comes last. */
  readonly seen: { readonly [id: string]: string };
  /** The highest value of the field that is asked by. */
  readonly since?: string;
}

export const pollHttp = defineTrigger({
  id: 'poll-http',
  version: 1,
  kind: 'poll',
  title: 'New items of a list',
  help: 'Asks an address for a JSON list at a pace you set, and starts with the items that are new or have changed.',
  icon: 'rss',
  group: 'Triggers',
  params: {
    url: p
      .text()
      .title('Address')
      .help('Answers GET with JSON.')
      .placeholder('https://api.example.com/orders')
      .expr('deny')
      .format('url')
      .max(2000)
      .required(),
    credential: httpCredential,
    headers: p.map(p.text()).title('Headers').help('Sent with each request.').expr('deny').max(50),
    everySeconds: p
      .number()
      .title('Every')
      .help('Seconds between two requests. After failures the pause grows up to an hour.')
      .expr('deny')
      .integer()
      .min(5)
      .max(86_400 * 7)
      .default(300),
    itemsField: p
      .text()
      .title('Field of the list')
      .help('Where the list is in the answer, such as data.items. Left empty: the answer is the list.')
      .placeholder('data.items')
      .expr('deny')
      .max(200),
    idField: p.text().title('Field of the id').help('What tells items apart.').expr('deny').max(200).default('id'),
    watch: p
      .choice([
        { value: 'new', title: 'New items', help: 'Each id starts once.' },
        { value: 'changed', title: 'New and changed items', help: 'Each id starts again when anything in its item is different.' },
      ])
      .title('Start with')
      .help('Which items start a run.')
      .expr('deny')
      .default('new'),
    since: p
      .boolean()
      .title('Ask only for what came later')
      .help('For services that take the highest value seen so far.')
      .expr('deny')
      .default(false),
    sinceField: p
      .text()
      .title('Field of that value')
      .help('In each item, such as updatedAt. Values are compared as numbers, else as text.')
      .expr('deny')
      .max(200)
      .required()
      .when(when.eq('since', true)),
    sinceQuery: p
      .text()
      .title('Name in the address')
      .help('The query parameter that it is sent as, such as updated_since.')
      .expr('deny')
      .max(100)
      .required()
      .when(when.eq('since', true)),
    first: p
      .choice([
        { value: 'remember', title: 'Only remember them', help: 'What is there when the workflow is published starts nothing.' },
        { value: 'start', title: 'Start with them', help: 'What is there when the workflow is published counts as new.' },
      ])
      .title('Items that are there already')
      .help('What happens at the first answer.')
      .expr('deny')
      .default('remember'),
  },

  async *poll({ params, cursor, isTest, ctx }) {
    const source = digest(identity([params.url, params.itemsField ?? '', params.idField, params.watch]));
    const before = isTest ? undefined : cursorOf(cursor, source);
    const query = params.sinceQuery !== undefined && before?.since !== undefined ? { [params.sinceQuery]: before.since } : {};
    const answer = await ctx.http.get(params.url, { query, headers: params.headers ?? {}, credential: 'credential', as: 'json' });
    const items = listOf(answer.data, params.itemsField ?? '');
    if (isTest) return yield { items: items.slice(0, SHOWN), cursor: null };

    const isFirst = before === undefined && params.first === 'remember';
    const seen = new Map(Object.entries(before?.seen ?? {}));
    let since = before?.since;
    let found: JsonObject[] = [];
    /** Something is forgotten only once it is known of every item whether it is still there. */
    const cursorNow = (kept = seen.size): Json => ({
      source,
      seen: Object.fromEntries([...seen].slice(Math.max(0, seen.size - kept))),
      ...(since === undefined ? {} : { since }),
    });
    for (const item of items) {
      const id = idOf(item, params.idField);
      const looks = params.watch === 'changed' ? digest(identity(item)) : '';
      const isNew = seen.get(id) !== looks;
      // What is still there is forgotten last.
      seen.delete(id);
      seen.set(id, looks);
      if (params.sinceField !== undefined) since = higher(since, readField(item, params.sinceField));
      if (!isNew || isFirst) continue;
      found.push(item);
      if (found.length < PAGE) continue;
      yield { items: found, cursor: cursorNow() };
      found = [];
    }
    yield { items: found, cursor: cursorNow(items.length + MOST_GONE) };
  },
});

function cursorOf(cursor: Json | undefined, source: string): Cursor | undefined {
  return isObject(cursor) && cursor['source'] === source ? (cursor as unknown as Cursor) : undefined;
}

function listOf(body: Json, field: string): JsonObject[] {
  const list = field === '' ? body : isObject(body) ? readField(body, field) : undefined;
  if (!isList(list))
    throw new StepFailure('LIST_MISSING', field === '' ? 'The answer is no list.' : `The answer has no list in the field "${field}".`, {
      kind: 'input',
    });
  if (list.length > MOST_ITEMS)
    throw new StepFailure(
      'LIST_TOO_LONG',
      `The answer has ${list.length} items; at most ${MOST_ITEMS} are told apart. Ask only for what came later.`,
      {
        kind: 'input',
      },
    );
  return list.map((one) => (isObject(one) ? one : { value: one }));
}

function idOf(item: JsonObject, field: string): string {
  const id = readField(item, field);
  if (typeof id === 'string' || typeof id === 'number') {
    const text = String(id);
    return text.length > LONGEST_ID ? digest(text) : text;
  }
  throw new StepFailure('ID_MISSING', `An item of the list has no text or number in the field "${field}".`, { kind: 'input' });
}

/** Numbers as numbers, everything else as text. */
function higher(before: string | undefined, value: Json | undefined): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return before;
  if (before === undefined) return String(value);
  const [one, other] = [Number(before), Number(value)];
  const isHigher = Number.isFinite(one) && Number.isFinite(other) ? other > one : String(value) > before;
  return isHigher ? String(value) : before;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
