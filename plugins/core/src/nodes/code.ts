/**
 * Runs the author's JavaScript or TypeScript in the sandbox. The code sees what an expression sees; what it returns becomes items.
 * In `each-item` mode items fail one by one; in `all-items` mode the code succeeds or fails as a whole.
 */
import type { CodeItem, FailedItem, Item, Output, StepCtx } from '@plugboard/sdk';
import { defineNode, fail, failed, item, p } from '@plugboard/sdk';

export const code = defineNode({
  id: 'code',
  version: 1,
  title: 'Code',
  help: "Runs your own code in a sandbox without network or files. It sees $json, $input, $('Step'), $run, $workflow, $vars and $now, and returns plain objects.",
  icon: 'code',
  group: 'Code',
  per: 'batch',
  effects: 'none',
  atomic: { by: 'mode', values: ['all-items'] },
  params: {
    language: p
      .choice({ javascript: 'JavaScript', typescript: 'TypeScript' })
      .title('Language')
      .help('TypeScript is turned into JavaScript by dropping its types; they are not checked.')
      .expr('deny')
      .default('javascript'),
    mode: p
      .choice([
        {
          value: 'each-item',
          title: 'For each item',
          help: 'Runs once for each item, found in $json. Returning nothing drops the item, a list gives several.',
        },
        { value: 'all-items', title: 'Once for all items', help: 'Runs once; the items are in $input.all(). Return a list of objects.' },
      ])
      .title('Run')
      .help('How often the code runs.')
      .expr('deny')
      .default('each-item'),
    code: p
      .code('javascript', { languageFrom: 'language' })
      .title('Code')
      .help('The body of an async function: end it with return.')
      .max(200_000)
      .required(),
    timeoutMs: p
      .number()
      .title('Time limit')
      .help("Milliseconds the code may take over all items. Left empty: the server's limit, which is also the most.")
      .integer()
      .min(1)
      .expr('deny'),
  },
  async run({ params, items, ctx }) {
    const { language, code: source, timeoutMs } = params;
    if (params.mode === 'each-item') return eachItem({ language, code: source, timeoutMs, mode: 'each-item' }, items, ctx);
    const result = await ctx.code.run({ language, code: source, timeoutMs, mode: 'all-items' });
    return result.items.map((one) => output(one, one.from));
  },
});

async function eachItem(request: Parameters<typeof runEach>[1], items: readonly Item[], ctx: StepCtx): Promise<(Output | FailedItem)[]> {
  const { perItem } = await runEach(ctx, request);
  if (perItem.length !== items.length)
    fail('CODE_ANSWER', `The sandbox answered for ${perItem.length} items instead of ${items.length}. Run the step again.`, {
      kind: 'bug',
    });
  return perItem.flatMap((result, i): readonly (Output | FailedItem)[] =>
    'error' in result ? [failed(i, result.error)] : result.ok.map((one) => output(one, [i])),
  );
}

function runEach(
  ctx: StepCtx,
  request: { language: 'javascript' | 'typescript'; mode: 'each-item'; code: string; timeoutMs: number | undefined },
) {
  return ctx.code.run(request);
}

function output(made: CodeItem, from: readonly number[] | undefined): Output {
  return made.files === undefined && from === undefined ? made.json : item(made.json, { files: made.files, from });
}
