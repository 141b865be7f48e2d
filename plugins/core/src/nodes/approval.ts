/** Asks people to approve or reject, and holds the items until they have. */
import { type ApprovalRequest, type Deciders, defineNode, item, p, waitForApproval, when } from '@plugboard/sdk';
import { fieldParams, formField, kindsWithoutFile } from '../data/form-field-params.ts';
import { UNIT_MS, hours, limitOf, limitParams } from '../data/late-param.ts';

const ROLES = { viewer: 'Viewers', runner: 'Runners', editor: 'Editors', admin: 'Admins', owner: 'Owners' } as const;
const names = (title: string, help: string) => p.list(p.text().title(title).max(320)).title(title).help(help).max(100);

export const approval = defineNode({
  id: 'approval',
  version: 1,
  title: 'Ask for approval',
  help: 'Holds the run until people approve or reject: on the page Approvals, by the API, or by the link in their e-mail. The items go on with what was decided in the field approval.',
  icon: 'user-check',
  group: 'Flow',
  per: 'batch',
  effects: 'write',
  repeatable: true,
  waits: 'approval',
  ports: {
    outputs: [
      { id: 'approved', title: 'Approved' },
      { id: 'rejected', title: 'Rejected' },
      { id: 'late', title: 'Too late' },
    ],
  },
  params: {
    title: p
      .text()
      .title('Question')
      .help('What is to be decided, in one line. $json is the first item.')
      .placeholder('Pay 6,480 EUR to Brandt?')
      .max(300)
      .required()
      .perItem(),
    message: p.text().multiline().title('Message').help('Below the question. Markdown.').max(50_000).perItem(),
    fields: p
      .list(
        p.object({
          ...fieldParams('allow'),
          kind: p.choice(kindsWithoutFile).title('Kind').help('How it is shown and changed.').expr('deny').default('text'),
          edit: p
            .boolean()
            .title('May be changed')
            .help('By whoever decides. Once approved it is set in every item, as it was left.')
            .expr('deny')
            .default(false),
        }),
      )
      .title('Fields')
      .help('What is shown beside the question.')
      .max(100)
      .perItem(),
    persons: names('Persons', 'E-mail addresses of members.').perItem(),
    roles: p
      .choice(ROLES)
      .multiple()
      .title('Roles')
      .help('This role or a higher one on the workflow. Nobody named at all: editors.')
      .expr('deny'),
    teams: names('Teams', 'Names of teams of the workspace.').perItem(),
    needed: p
      .number()
      .integer()
      .title('Approvals needed')
      .help('So many different people. One rejection ends it.')
      .min(1)
      .max(100)
      .default(1),
    requesterMay: p.boolean().title('Whoever started the run may decide').default(true),
    commentOn: p
      .choice({ never: 'Never', rejection: 'To reject', always: 'Always' })
      .title('Comment needed')
      .help('Without one the decision is refused.')
      .default('never'),
    byLink: p
      .boolean()
      .title('Whoever has the link may decide')
      .help('The link is {{ $run.approval["name of this step"] }}: steps before hand it on. It works once.')
      .default(false),
    ...limitParams,
    remind: p.boolean().title('Remind').help('Those who have not decided.').default(false),
    remindAfter: hours('First reminder after', 'Hours.').default(24).when(when.eq('remind', true)),
    remindEvery: hours('Then every', 'Hours.').default(24).when(when.eq('remind', true)),
    remindAtMost: p.number().integer().title('At most').help('Reminders.').min(1).max(100).default(3).when(when.eq('remind', true)),
    escalate: p.boolean().title('Ask further people').help('When nobody has decided for a time.').default(false),
    escalateAfter: hours('After', 'Hours.').default(48).when(when.eq('escalate', true)),
    escalatePersons: names('Further persons', 'E-mail addresses of members.').perItem().when(when.eq('escalate', true)),
    escalateRoles: p
      .choice(ROLES)
      .multiple()
      .title('Further roles')
      .help('This role or a higher one.')
      .expr('deny')
      .when(when.eq('escalate', true)),
    escalateTeams: names('Further teams', 'Names of teams of the workspace.').perItem().when(when.eq('escalate', true)),
  },
  async run({ params, items, ctx }) {
    const until = limitOf(params, ctx.now);
    const message = params.message?.[0];
    const request: ApprovalRequest = {
      title: params.title[0] ?? '',
      fields: (params.fields?.[0] ?? []).map((field) => ({ ...formField(field), edit: field.edit })),
      deciders: deciders(params.persons?.[0], params.roles, params.teams?.[0]),
      needed: params.needed,
      requesterMay: params.requesterMay,
      commentOn: params.commentOn,
      byLink: params.byLink,
      ...(message ? { message } : {}),
      ...(until === undefined ? {} : { until }),
      ...(params.remind ? { remind: reminders(params) } : {}),
      ...(params.escalate
        ? {
            escalate: {
              afterMs: (params.escalateAfter ?? 48) * UNIT_MS.hours,
              ...deciders(params.escalatePersons?.[0], params.escalateRoles, params.escalateTeams?.[0]),
            },
          }
        : {}),
    };
    await ctx.approvals.open(request);
    const late = items.map(({ json, files }, from) => item(json, { port: 'late', from, ...(files ? { files } : {}) }));
    return waitForApproval({ items: late, ...(until === undefined ? {} : { until }) });
  },
});

function deciders(persons: readonly string[] = [], roles: readonly string[] = [], teams: readonly string[] = []): Deciders {
  const given = (list: readonly string[]): string[] => list.filter((one) => one.trim() !== '');
  return { persons: given(persons), roles, teams: given(teams) };
}

function reminders(params: { readonly remindAfter?: number; readonly remindEvery?: number; readonly remindAtMost?: number }) {
  const { remindAfter = 24, remindEvery = 24, remindAtMost = 3 } = params;
  return { afterMs: remindAfter * UNIT_MS.hours, everyMs: remindEvery * UNIT_MS.hours, atMost: remindAtMost };
}
