/** Runs another workflow of the workspace as a step: with all items, or once for each of them, and with or without waiting for its answer. */
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import { StepFailure, defineNode, p, waitForRuns, when } from '@plugboard/sdk';

export const callWorkflow = defineNode({
  id: 'call-workflow',
  version: 1,
  title: 'Call a workflow',
  help: 'Runs another workflow that begins with "When called by a workflow". What its last steps give goes on here. A run that waits for it holds no memory; stopping it stops the called runs too.',
  icon: 'workflow',
  group: 'Flow',
  per: 'batch',
  effects: 'write',
  repeatable: true,
  waits: 'child',
  params: {
    workflow: p.text().title('Workflow').help('Its name or id. The version that is live when the run starts is taken.').required(),
    mode: p
      .choice({ once: 'One run with all items', each: 'A run for each item' })
      .title('How')
      .help('A run for each item: answers go on in the order of the items, and a run that fails is the failure of its item.')
      .default('once')
      .expr('deny'),
    data: p.json().title('What it gets').help('An object for each item, given instead of the item. Empty: the item itself.').perItem(),
    answer: p
      .boolean()
      .title('Wait for the answer')
      .help('Without it the items go on at once, and nobody hears how the called run ends.')
      .default(true),
    atOnce: p
      .number()
      .title('How many at once')
      .help(
        'The other runs wait for their turn, as those before them end. A workflow that limits how many of its runs work at once decides itself.',
      )
      .integer()
      .min(1)
      .max(1000)
      .default(10)
      .when(when.eq('mode', 'each')),
    limit: p
      .number()
      .title('Most runs')
      .help('A step that would start more fails before the first.')
      .integer()
      .min(1)
      .max(100_000)
      .default(1000)
      .when(when.eq('mode', 'each')),
  },
  async run({ params, items, ctx }) {
    const { workflow, mode, answer, atOnce = 10, limit = 1000 } = params;
    const isEach = mode === 'each';
    if (isEach && items.length > limit)
      throw new StepFailure(
        'CALLS_TOO_MANY',
        `There are ${items.length} items, and at most ${limit} runs are to be started. Batch the items, or raise the limit.`,
        {
          kind: 'input',
        },
      );
    const given = withData(items, params.data as unknown as Json | undefined);
    const { runIds } = await ctx.workflows.start({ workflow, items: given, each: isEach, wants: answer ? 'answer' : 'none', atOnce });
    if (answer) return waitForRuns(runIds.length, isEach);
    ctx.log.info(runIds.length === 1 ? `Started run ${runIds[0]}` : `Started ${runIds.length} runs`);
    return [...items];
  },
});

/** The items with what was given instead of their values. */
function withData(items: readonly Item[], data: Json | undefined): readonly Item[] {
  if (!Array.isArray(data)) return items;
  return items.map((one, n) => {
    const json: Json | undefined = data[n];
    if (json === null || json === undefined) return one;
    if (typeof json !== 'object' || Array.isArray(json))
      throw new StepFailure(
        'INPUT_INVALID',
        `What item ${n} gets is no object. Give an object, such as one with the fields the workflow takes.`,
        { kind: 'input' },
      );
    return one.files ? { json: json as JsonObject, files: one.files } : { json: json as JsonObject };
  });
}
