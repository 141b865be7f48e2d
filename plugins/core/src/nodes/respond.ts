/**
 * Answers the request that started the run, for webhooks whose answer is left to a step. One answer a run: later ones reach nobody.
 * The body is worked out for each item, so that $json is at hand, and the first one is sent; status and headers are worked out once.
 */
import type { Json } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { shown } from '../data/numbers.ts';

export const respond = defineNode({
  id: 'respond',
  version: 1,
  title: 'Respond',
  help: 'Answers the webhook request that started the run, then hands its items on. The webhook must leave its answer to a step.',
  icon: 'reply',
  group: 'Network',
  per: 'batch',
  effects: 'write',
  atomic: true,
  repeatable: true,
  runsOnEmpty: true,
  replies: true,
  params: {
    status: p
      .number()
      .title('Status')
      .help('HTTP status. An expression sees all items: write $input.first().json.status.')
      .integer()
      .min(200)
      .max(599)
      .default(200),
    headers: p
      .map(p.text().title('Value'))
      .title('Headers')
      .help('Names and values. An expression sees all items, as in Status.')
      .default({}),
    bodyKind: p
      .choice([
        { value: 'json', title: 'JSON' },
        { value: 'text', title: 'Text', help: 'Sent as it is. Set the header Content-Type if it is not plain text.' },
        { value: 'file', title: 'A file', help: 'A stored file, under its own name and type.' },
      ])
      .title('Body is')
      .help('How the body is written.')
      .expr('deny')
      .default('json'),
    body: p
      .json()
      .title('Body')
      .help('What to answer, unless it is a file. Left empty: the first item. Without any item the answer is an empty list, or no text.')
      .perItem(),
    file: p
      .file()
      .title('File')
      .help('Left empty: the first file of the first item. An expression sees all items: write $input.first().files.photo.')
      .when(when.eq('bodyKind', 'file')),
  },
  async run({ params, items, ctx }) {
    const [first] = items;
    if (params.bodyKind === 'file') {
      const file = params.file ?? Object.values(first?.files ?? {})[0];
      if (file === undefined) fail('FILE_MISSING', 'There is no file to answer with. Choose one, or let a step before this one give one.');
      await ctx.reply.send({ status: params.status, headers: params.headers, body: null, file });
      return items;
    }
    const body = first === undefined ? nothing(params.bodyKind) : params.body === undefined ? first.json : (params.body[0] ?? null);
    await ctx.reply.send({ status: params.status, headers: params.headers, ...content(params.bodyKind, body) });
    return items;
  },
});

function nothing(kind: 'json' | 'text'): Json {
  return kind === 'json' ? [] : '';
}

function content(kind: 'json' | 'text', body: Json): { readonly body: Json; readonly raw?: boolean } {
  if (kind === 'json') return { body };
  if (typeof body === 'object' && body !== null)
    fail('BODY_NOT_TEXT', `The body is ${shown(body)}, and a text body was asked for. Choose JSON, or turn it into text.`);
  return { body: body === null ? '' : String(body), raw: true };
}
