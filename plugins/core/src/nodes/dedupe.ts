/** Keeps one of the items that are equal: within the items of one run of the step, and if asked for, of all runs of its workflow. */
import { createHash } from 'node:crypto';
import { defineNode, GIVE_WAY, p, when } from '@plugboard/sdk';
import type { GiveWay, Item, StepCtx } from '@plugboard/sdk';
import { fieldReader } from '../data/field-path.ts';
import { identity } from '../data/identity.ts';

const DAY_MS = 24 * 60 * 60_000;

export const dedupe = defineNode({
  id: 'dedupe',
  version: 1,
  title: 'Remove duplicates',
  help: 'Keeps one of the items that are equal, as a whole or in the fields you name, in this run or in all runs.',
  icon: 'copy-x',
  group: 'Data',
  per: 'batch',
  // What runs keep is claimed for the run and its retries, so that a repeated attempt sees the same.
  effects: { by: 'remember', cases: { run: 'none' }, else: 'read' },
  params: {
    fields: p
      .list(p.text().title('Field').help('Name or path, such as customer.email.').min(1).max(500))
      .title('Fields')
      .help('Items with equal values in all of them are duplicates. A missing field counts as null. Left empty: the whole item counts.')
      .default([]),
    keep: p
      .choice([
        { value: 'first', title: 'The first' },
        { value: 'last', title: 'The last', help: 'Each stays at its own place among the others.' },
      ])
      .title('Keep')
      .help('Which of the duplicates goes on.')
      .default('first'),
    remember: p
      .choice([
        { value: 'run', title: 'This run only' },
        {
          value: 'workflow',
          title: 'All runs of this workflow',
          help: 'An item that went on once does not go on in later runs. Drafts remember apart.',
        },
      ])
      .title('Look at')
      .help('Where equal items count.')
      .expr('deny')
      .default('run'),
    rememberDays: p
      .number()
      .title('Remember for')
      .help('Days after which an item counts as new again.')
      .integer()
      .min(1)
      .max(3650)
      .default(90)
      .when(when.eq('remember', 'workflow')),
  },
  run({ params, items, ctx }) {
    const readers = params.fields.map(fieldReader);
    const keyOf = ({ json }: Item): string =>
      readers.length === 0 ? identity(json) : readers.map((read) => identity(read(json) ?? null)).join(',');
    const kept = different(items, keyOf, params.keep);
    return params.remember === 'run' ? kept : unseen(kept, keyOf, ctx, (params.rememberDays ?? 90) * DAY_MS);
  },
});

type KeyOf = (item: Item) => string;

/** Items looked at between two chances for others. */
const SHARE = 16;

/** One item of each key, in their order. */
function* different(items: readonly Item[], keyOf: KeyOf, keep: 'first' | 'last'): Generator<Item | GiveWay> {
  const seen = new Set<string>();
  const isNew = (item: Item): boolean => {
    const before = seen.size;
    return seen.add(keyOf(item)).size > before;
  };
  if (keep === 'first') {
    for (const item of items) yield isNew(item) ? item : GIVE_WAY;
    return;
  }
  const kept: Item[] = [];
  for (let i = items.length - 1; i >= 0; i -= 1) {
    const item = items[i] as Item;
    if (isNew(item)) kept.push(item);
    if (i % SHARE === 0) yield GIVE_WAY;
  }
  yield* kept.reverse();
}

/** The items whose key no other run has taken. Keys are kept as hashes: short, and nothing of the data can be read back. */
async function* unseen(kept: Iterable<Item | GiveWay>, keyOf: KeyOf, ctx: StepCtx, keepMs: number): AsyncGenerator<Item | GiveWay> {
  const items: Item[] = [];
  const keys: string[] = [];
  for (const item of kept) {
    if (item !== GIVE_WAY) {
      items.push(item);
      keys.push(createHash('sha256').update(keyOf(item)).digest('base64url'));
    }
    if (item === GIVE_WAY || items.length % SHARE === 0) yield GIVE_WAY;
  }
  const own = new Set(await ctx.state.claim(keys, { keepMs }));
  for (const [n, item] of items.entries()) if (own.has(keys[n] ?? '')) yield item;
}
