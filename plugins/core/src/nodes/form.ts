/** Holds the run until somebody fills in a form at an address of its own. */
import { defineNode, item, p, waitForForm } from '@plugboard/sdk';
import { fieldKinds, fieldParams, formField } from '../data/form-field-params.ts';
import { limitOf, limitParams } from '../data/late-param.ts';

export const form = defineNode({
  id: 'form',
  version: 1,
  title: 'Wait for a form',
  help: 'Holds the run until a form is filled in at the address {{ $run.form["name of this step"] }}, which earlier steps hand on. It takes one answer, which goes on as one item with the fields and submittedAt.',
  icon: 'clipboard-list',
  group: 'Flow',
  per: 'batch',
  effects: 'write',
  repeatable: true,
  waits: 'form',
  ports: {
    outputs: [
      { id: 'main', title: 'Filled in' },
      { id: 'late', title: 'Too late' },
    ],
  },
  params: {
    title: p.text().title('Title').help('Stands above the form. $json is the first item.').max(300).required().perItem(),
    message: p.text().multiline().title('Message').help('Below the title. Markdown.').max(50_000).perItem(),
    fields: p
      .list(
        p.object({ ...fieldParams('allow'), kind: p.choice(fieldKinds).title('Kind').help('What it takes.').expr('deny').default('text') }),
      )
      .title('Fields')
      .help('What is asked. Files go on beside the item, under the name of their field.')
      .min(1)
      .max(100)
      .required()
      .perItem(),
    submit: p.text().title('Button').help('What it says.').placeholder('Send').max(60),
    thanks: p.text().multiline().title('Afterwards').help('What is shown once it is sent. Markdown.').placeholder('Thank you.').max(5000),
    ...limitParams,
  },
  async run({ params, items, ctx }) {
    const until = limitOf(params, ctx.now);
    const message = params.message?.[0];
    await ctx.forms.open({
      title: params.title[0] ?? '',
      fields: (params.fields[0] ?? []).map(formField),
      ...(message ? { message } : {}),
      ...(params.submit ? { submit: params.submit } : {}),
      ...(params.thanks ? { thanks: params.thanks } : {}),
      ...(until === undefined ? {} : { until }),
    });
    if (until === undefined) return waitForForm();
    const late = items.map(({ json, files }, from) => item(json, { port: 'late', from, ...(files ? { files } : {}) }));
    return waitForForm({ until, items: late });
  },
});
