/** Approvals over the API, by links, and as the run sees them, on a real database and runner. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let admin: TestCaller;
let viewer: TestCaller;
let number = 0;
beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor', { name: 'Eda' });
  admin = await kit.person('admin', { name: 'Ada' });
  viewer = await kit.person('viewer', { name: 'Vera' });
});
afterAll(() => kit.close());

interface Run {
  readonly runId: string;
  readonly approvalId: string;
}

const emailOf = async ({ principalId }: TestCaller): Promise<string> => {
  const [row] = await kit.database.database.query<{ email: string }>('select email from person where principal_id = $1', [principalId]);
  return row?.email ?? '';
};

/** A workflow that asks, publishes its link before, and ends with one step behind each port. */
async function workflow(params: object): Promise<string> {
  number += 1;
  const node = (id: string, type: string, own: object = {}) => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params: own },
  });
  const edge = (source: string, target: string, sourceHandle = 'main') => ({
    id: `${source}-${target}`,
    source,
    sourceHandle,
    target,
    targetHandle: 'main',
  });
  const definition = {
    schema: 1,
    name: `Asks ${number}`,
    nodes: [
      node('start', 'core/manual'),
      node('link', 'core/set', { fields: { link: '={{ $run.approval["ask"] }}', total: '={{ $json.total }}' } }),
      node('ask', 'core/approval', { title: '=Pay {{ $json.total }}?', ...params }),
      node('approved', 'core/noop'),
      node('rejected', 'core/noop'),
      node('late', 'core/noop'),
    ],
    edges: [edge('start', 'link'), edge('link', 'ask'), ...['approved', 'rejected', 'late'].map((port) => edge('ask', port, port))],
  };
  const made = await kit.rest(admin, 'POST', '/workflows/import', { definition, publish: true });
  expect(made.status, made.text).toBe(201);
  return made.json.workflowId as string;
}

async function asks(params: object, by: TestCaller = admin): Promise<Run> {
  const workflowId = await workflow(params);
  const started = await kit.rest(by, 'POST', '/runs', { workflowId, input: { total: 10 } });
  expect(started.status, started.text).toBeLessThan(300);
  const runId = started.json.id ?? started.json.runId;
  await becomes(runId, 'waiting');
  const { json } = await kit.rest(admin, 'GET', `/approvals?runId=${runId}`);
  return { runId, approvalId: json.rows[0].id };
}

async function becomes(runId: string, wanted: string): Promise<void> {
  await expect
    .poll(async () => (await kit.rest(admin, 'GET', `/runs/${runId}/state`)).json.status as string, { timeout: 30_000, interval: 10 })
    .toBe(wanted);
}

const decide = (by: TestCaller, { approvalId }: Run, body: object = { decision: 'approve' }) =>
  kit.rest(by, 'POST', `/approvals/${approvalId}/decision`, body);

const outcomes = (answers: readonly { readonly json: { readonly outcome: string } }[]): string[] =>
  answers.map(({ json }) => json.outcome).toSorted((a, b) => a.localeCompare(b));

const outputOf = async (runId: string, node: string) =>
  (await kit.rest(admin, 'GET', `/runs/${runId}/output?node=${node}`)).json.output?.main as { [name: string]: unknown }[] | undefined;

const linkOf = async (runId: string): Promise<string> => String((await outputOf(runId, 'link'))?.[0]?.['link'] ?? '');

const post = (link: string, fields: Record<string, string>) =>
  fetch(link, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });

describe('S2-004 a step that asks for approval', () => {
  test('goes on at approved with what was decided, by whom, and the items it held', async () => {
    const run = await asks({ fields: [{ name: 'total', title: 'Total', kind: 'number', value: '={{ $json.total }}' }] });
    const shown = await kit.rest(editor, 'GET', `/approvals/${run.approvalId}`);
    expect(shown.json).toMatchObject({ title: 'Pay 10?', state: 'open', isMine: true, fields: [{ title: 'Total', value: 10 }] });
    const decided = await decide(editor, run, { decision: 'approve', comment: 'fine' });
    expect([decided.status, decided.json]).toEqual([200, { outcome: 'counted', state: 'approved', approved: 1, needed: 1 }]);
    await becomes(run.runId, 'succeeded');
    const approval = { decision: 'approved', comment: 'fine', decisions: [{ by: { name: 'Eda' }, decision: 'approve', via: 'page' }] };
    expect(await outputOf(run.runId, 'approved')).toMatchObject([{ total: 10, approval }]);
  });

  test('goes on at rejected, with a comment where one is asked for', async () => {
    const run = await asks({ commentOn: 'rejection' });
    const bare = await decide(editor, run, { decision: 'reject' });
    expect([bare.status, bare.json.error.code]).toEqual([422, 'INPUT_INVALID']);
    expect((await decide(editor, run, { decision: 'reject', comment: 'too dear' })).json.outcome).toBe('counted');
    await becomes(run.runId, 'succeeded');
    expect(await outputOf(run.runId, 'rejected')).toMatchObject([{ total: 10, approval: { decision: 'rejected', comment: 'too dear' } }]);
  });

  test('takes changes of fields that may be changed, all problems said at once, and sets them in the items', async () => {
    const run = await asks({
      fields: [
        { name: 'total', kind: 'number', value: '={{ $json.total }}', edit: true, max: '100', required: true },
        { name: 'when', kind: 'date', edit: true },
        { name: 'fixed', value: 'x' },
      ],
    });
    const wrong = await decide(editor, run, { decision: 'approve', changes: { total: 500, when: 'soon', fixed: 'y' } });
    expect(wrong.status).toBe(422);
    expect(wrong.json.error.params.fields.map((one: { field: string }) => one.field).toSorted()).toEqual(['fixed', 'total', 'when']);
    expect((await decide(editor, run, { decision: 'approve', changes: { total: 50 } })).json.outcome).toBe('counted');
    await becomes(run.runId, 'succeeded');
    expect(await outputOf(run.runId, 'approved')).toMatchObject([{ total: 50, approval: { data: { total: 50, fixed: 'x' } } }]);
  });

  test('asked for what it cannot show, the step fails and says why', async () => {
    const workflowId = await workflow({ fields: [{ name: 'constructor', value: 1 }] });
    const { json } = await kit.rest(admin, 'POST', '/runs', { workflowId, input: {} });
    const runId = json.id ?? json.runId;
    await becomes(runId, 'failed');
    expect((await kit.rest(admin, 'GET', `/runs/${runId}/state`)).json.error.code).toBe('APPROVAL_INVALID');
  });
});

describe('S1-100 who decides, and how often', () => {
  test('two deciders at the same moment: one ends it, the other is told that it is over', async () => {
    const run = await asks({});
    const answers = await Promise.all([decide(editor, run), decide(admin, run, { decision: 'reject' })]);
    expect(outcomes(answers)).toEqual(['closed', 'counted']);
    await becomes(run.runId, 'succeeded');
    const ends = [await outputOf(run.runId, 'approved'), await outputOf(run.runId, 'rejected')];
    expect(ends.filter((items) => (items?.length ?? 0) > 0)).toHaveLength(1);
  });

  test('N of M: different people count, the same person once', async () => {
    const run = await asks({ needed: 2, persons: [await emailOf(viewer), await emailOf(editor)] });
    expect((await decide(viewer, run)).json).toEqual({ outcome: 'counted', state: 'open', approved: 1, needed: 2 });
    const again = await decide(viewer, run);
    expect([again.status, again.json.outcome]).toEqual([409, 'already_decided']);
    const together = await Promise.all([decide(editor, run), decide(editor, run)]);
    expect(outcomes(together)).toEqual(['already_decided', 'counted']);
    await becomes(run.runId, 'succeeded');
    expect(await outputOf(run.runId, 'approved')).toMatchObject([
      { approval: { decisions: [{ by: { name: 'Vera' } }, { by: { name: 'Eda' } }] } },
    ]);
  });

  test('one rejection ends it', async () => {
    const run = await asks({ needed: 3 });
    expect((await decide(editor, run, { decision: 'reject' })).json.state).toBe('rejected');
    expect((await decide(admin, run)).json).toMatchObject({ outcome: 'closed', state: 'rejected' });
  });

  test('persons by address, teams by name; others may not, and who may see nothing of it hears of nothing', async () => {
    const teamId = (await kit.rest(admin, 'POST', '/teams', { name: `Finance ${number}` })).json.id as string;
    expect((await kit.rest(admin, 'PUT', `/teams/${teamId}/members/${viewer.principalId}`)).status).toBe(200);
    const run = await asks({ persons: [(await emailOf(editor)).toUpperCase()], teams: [`finance ${number}`] });
    const { json } = await kit.rest(admin, 'GET', `/approvals/${run.approvalId}`);
    expect(json.isMine).toBe(false);
    const refused = await decide(admin, run);
    expect([refused.status, refused.json.error.code]).toEqual([403, 'FORBIDDEN']);
    const stranger = await kit.person('viewer');
    expect((await kit.rest(stranger, 'GET', `/approvals/${run.approvalId}`)).status).toBe(404);
    expect((await decide(stranger, run)).status).toBe(404);
    expect((await kit.rest(stranger, 'GET', '/approvals?show=all')).json.rows).toEqual([]);
    expect((await kit.rest(viewer, 'GET', `/approvals/${run.approvalId}`)).json.isMine).toBe(true);
    expect((await decide(viewer, run)).json.outcome).toBe('counted');
  });

  test('people and teams who could never decide fail the step, which says who they are, and nothing is asked', async () => {
    const [row] = await kit.database.database.query<{ email: string }>('select email_ci as email from person where principal_id = $1', [
      editor.principalId,
    ]);
    const refused = [
      { persons: ['nobody@nowhere.test'] },
      { teams: ['No such team'] },
      { persons: [row?.email ?? '', 'nobody@nowhere.test'], needed: 2 },
    ];
    for (const params of refused) {
      const started = await kit.rest(admin, 'POST', '/runs', { workflowId: await workflow(params), input: { total: 10 } });
      await becomes(started.json.runId, 'failed');
      const { json } = await kit.rest(admin, 'GET', `/runs/${started.json.runId}/state`);
      expect(json.error).toMatchObject({ code: 'NO_DECIDER', message: expect.stringMatching(/nobody@nowhere.test|no such team/) });
      expect((await kit.rest(admin, 'GET', `/approvals?runId=${started.json.runId}`)).json.rows).toEqual([]);
    }
    // Somebody who is asked later counts.
    await asks({ persons: ['nobody@nowhere.test'], escalate: true, escalateAfter: 1, escalateRoles: ['admin'] });
  });

  test('a right that was taken away in between does not decide', async () => {
    const leaving = await kit.person('editor');
    const run = await asks({ persons: [await emailOf(leaving)] });
    const link = kit.approvals.personUrl(run.approvalId, leaving.principalId);
    expect((await kit.rest(leaving, 'GET', `/approvals/${run.approvalId}`)).json.isMine).toBe(true);
    expect((await kit.rest(admin, 'DELETE', `/members/${leaving.principalId}`)).status).toBe(200);
    expect((await decide(leaving, run)).status).toBeGreaterThanOrEqual(403);
    const byLink = await post(link, { decision: 'approve' });
    expect([byLink.status, (await byLink.text()).includes('Pay 10')]).toEqual([403, false]);
    expect((await kit.rest(admin, 'GET', `/approvals/${run.approvalId}`)).json).toMatchObject({ state: 'open', decisions: [] });
  });

  test('whoever started the run may be kept from deciding', async () => {
    const run = await asks({ requesterMay: false }, editor);
    const refused = await decide(editor, run);
    expect([refused.status, refused.json.error.message]).toEqual([403, 'Whoever started the run may not decide this']);
    expect((await decide(admin, run)).json.outcome).toBe('counted');
  });

  test('a key decides only with the scope for it', async () => {
    const run = await asks({});
    const narrow = await kit.apiKey(editor, ['approval.read']);
    expect((await decide(narrow, run)).status).toBe(403);
    const wide = await kit.apiKey(editor, ['approval.read', 'approval.decide']);
    expect((await decide(wide, run)).json.outcome).toBe('counted');
  });
});

describe('lists and counts', () => {
  test('say what waits for whom, find by text, and page', async () => {
    const person = await kit.person('viewer');
    const persons = [await emailOf(person)];
    const apples = await asks({ title: 'Buy apples', persons });
    for (const title of ['Buy pears', 'Sell']) await asks({ title, persons });
    const list = async (query: string) => (await kit.rest(person, 'GET', `/approvals?${query}`)).json;
    expect((await list('show=mine')).rows.map((row: { title: string }) => row.title)).toEqual(['Sell', 'Buy pears', 'Buy apples']);
    expect((await list('search=buy%20P')).rows).toHaveLength(1);
    const first = await list('first=2');
    expect([first.rows.length, first.hasMore]).toEqual([2, true]);
    expect((await list(`first=2&after=${first.endCursor}`)).rows.map((row: { title: string }) => row.title)).toEqual(['Buy apples']);
    expect((await kit.rest(person, 'GET', '/approvals/counts')).json).toEqual({ mine: 3, open: 3 });
    await decide(person, apples);
    expect((await kit.rest(person, 'GET', '/approvals/counts')).json).toEqual({ mine: 2, open: 2 });
    expect((await list('show=ended')).rows).toMatchObject([{ title: 'Buy apples', state: 'approved', isDecidedByYou: true }]);
  });

  test('those who may decide are told, and by reminders and escalation again', async () => {
    const [first, second] = [await kit.person('viewer'), await kit.person('viewer')];
    const run = await asks({
      persons: [await emailOf(first)],
      remind: true,
      remindAfter: 0.5,
      remindEvery: 0.5,
      remindAtMost: 1,
      escalate: true,
      escalateAfter: 1,
      escalatePersons: [await emailOf(second)],
    });
    const told = async (by: TestCaller): Promise<number> =>
      (await kit.database.database.query(`select from notification where principal_id = $1 and kind = 'approval.asked'`, [by.principalId]))
        .length;
    const sweep = async (): Promise<void> => {
      await kit.approvals.sweeps.find(({ name }) => name === 'approvals-to-tell')?.step(Date.now());
    };
    await sweep();
    expect([await told(first), await told(second)]).toEqual([1, 0]);
    expect((await decide(second, run)).status).toBe(404);
    await kit.database.database.query(`update approval set remind_at = now() where id = $1`, [run.approvalId]);
    await Promise.all([sweep(), sweep()]);
    await sweep();
    expect([await told(first), await told(second)]).toEqual([2, 0]);
    await kit.database.database.query(`update approval set escalate_at = now() where id = $1`, [run.approvalId]);
    await sweep();
    expect([await told(first), await told(second)]).toEqual([2, 1]);
    expect((await decide(second, run)).json.outcome).toBe('counted');
  });
});

describe('deadlines', () => {
  test('nobody decided in time: the items go on at late, and a late decision is refused', async () => {
    const run = await asks({});
    await kit.database.database.query('update approval set due_at = now() where id = $1', [run.approvalId]);
    await kit.database.database.query('update timer set due_at = now() where run_id = $1', [run.runId]);
    await becomes(run.runId, 'succeeded');
    expect(await outputOf(run.runId, 'late')).toMatchObject([{ total: 10 }]);
    expect((await decide(editor, run)).json).toMatchObject({ outcome: 'closed', state: 'late' });
    await kit.approvals.sweeps.find(({ name }) => name === 'approvals-over')?.step(Date.now());
    const [row] = await kit.database.database.query('select state from approval where id = $1', [run.approvalId]);
    expect(row).toEqual({ state: 'late' });
  });

  test('a decision and the deadline at the same moment: the approval says what the run does', async () => {
    const runs = await Promise.all(Array.from({ length: 12 }, () => asks({ limited: true, amount: 1, unit: 'days' })));
    const ends = await Promise.all(
      runs.map(async (run, i) => {
        const soon = `clock_timestamp() + interval '${1 + i} ms'`;
        await kit.database.database.query(`update approval set due_at = ${soon} where id = $1`, [run.approvalId]);
        await kit.database.database.query(`update timer set due_at = (select due_at from approval where id = $2) where run_id = $1`, [
          run.runId,
          run.approvalId,
        ]);
        const { json } = await decide(editor, run);
        await becomes(run.runId, 'succeeded');
        const isApproved = ((await outputOf(run.runId, 'approved'))?.length ?? 0) > 0;
        return { wasCounted: json.outcome === 'counted', isApproved };
      }),
    );
    for (const { wasCounted, isApproved } of ends) expect(wasCounted).toBe(isApproved);
  });

  test('the run was cancelled: nothing is waiting for a decision any more', async () => {
    const run = await asks({});
    await kit.rest(admin, 'POST', `/runs/${run.runId}/cancel`, {});
    await becomes(run.runId, 'cancelled');
    expect((await decide(editor, run)).json).toEqual({ outcome: 'closed', state: 'closed' });
    expect((await kit.rest(admin, 'GET', '/approvals?show=open')).json.rows.map((row: { id: string }) => row.id)).not.toContain(
      run.approvalId,
    );
  });
});

describe('links', () => {
  test('looking changes nothing; the page has no script, tells nobody where it was, and is not kept', async () => {
    const run = await asks({ byLink: true, message: '**Hi** <script>alert(1)</script> [x](javascript:alert(1))' });
    const link = await linkOf(run.runId);
    for (const method of ['GET', 'HEAD', 'GET']) expect((await fetch(link, { method })).status).toBe(200);
    const page = await fetch(link);
    const text = await page.text();
    expect(text).toContain('<strong>Hi</strong>');
    expect(text).not.toMatch(/<script|href="javascript/i);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/);
    expect([page.headers.get('referrer-policy'), page.headers.get('cache-control')]).toEqual(['no-referrer', 'no-store']);
    expect((await kit.rest(admin, 'GET', `/approvals/${run.approvalId}`)).json).toMatchObject({ state: 'open', decisions: [] });
  });

  test('the address of the step decides once, where that is allowed', async () => {
    const run = await asks({ byLink: true });
    const link = await linkOf(run.runId);
    const answers = await Promise.all([post(link, { decision: 'approve' }), post(link, { decision: 'reject' })]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    await becomes(run.runId, 'succeeded');
    expect((await post(link, { decision: 'approve' })).status).toBe(409);
    const closed = await asks({ byLink: false });
    expect((await post(await linkOf(closed.runId), { decision: 'approve' })).status).toBe(403);
    expect(await (await fetch(await linkOf(closed.runId))).text()).toContain('Sign in to decide');
  });

  test('the link of one person decides as that person, with changes and a comment', async () => {
    const run = await asks({
      needed: 2,
      fields: [
        { name: 'total', kind: 'number', value: 10, edit: true },
        { name: 'urgent', kind: 'boolean', value: true, edit: true },
      ],
    });
    const link = kit.approvals.personUrl(run.approvalId, editor.principalId);
    const page = await (await fetch(link)).text();
    expect(page).toContain('name="total"');
    const wrong = await post(link, { decision: 'approve', total: 'much' });
    expect([wrong.status, (await wrong.text()).includes('this is no number')]).toEqual([422, true]);
    expect((await post(link, { decision: 'approve', total: '12', '-shown': 'urgent', comment: 'ok' })).status).toBe(200);
    expect((await decide(editor, run)).json.outcome).toBe('already_decided');
    expect((await decide(admin, run)).json.state).toBe('approved');
    await becomes(run.runId, 'succeeded');
    expect(await outputOf(run.runId, 'approved')).toMatchObject([{ total: 12, urgent: false }]);
    const { json } = await kit.rest(admin, 'GET', `/approvals/${run.approvalId}`);
    expect(json.decisions).toMatchObject([
      { via: 'link', by: { name: 'Eda' }, changed: ['total', 'urgent'], comment: 'ok' },
      { via: 'page' },
    ]);
  });

  test('a field may be called as anything, and texts that cannot be kept are refused beside their field', async () => {
    const run = await asks({
      fields: [
        { name: 'shown', kind: 'text', value: 'a', edit: true },
        { name: 'urgent', kind: 'boolean', value: true, edit: true },
        { name: 'mail', kind: 'email', value: 'a@example.com', edit: true },
      ],
    });
    const link = kit.approvals.personUrl(run.approvalId, editor.principalId);
    for (const changes of [{ mail: 'a\0b@example.com' }, { shown: '\0' }, { mail: 'a\ud800b@example.com' }]) {
      const refused = await decide(editor, run, { decision: 'approve', changes });
      expect(refused.status, JSON.stringify(changes)).toBe(400);
    }
    expect((await post(link, { decision: 'approve', shown: 'b', mail: 'a@example.com', '-shown': 'urgent' })).status).toBe(200);
    await becomes(run.runId, 'succeeded');
    expect(await outputOf(run.runId, 'approved')).toMatchObject([{ shown: 'b', urgent: false }]);
  });

  test('nobody is two of several: where the link is for whoever has it, one approval is asked for, of anybody', async () => {
    for (const params of [{ needed: 2 }, { requesterMay: false }]) {
      const workflowId = await workflow({ byLink: true, ...params });
      const started = await kit.rest(admin, 'POST', '/runs', { workflowId, input: { total: 10 } });
      await becomes(started.json.runId, 'failed');
      const { json } = await kit.rest(admin, 'GET', `/runs/${started.json.runId}`);
      expect(JSON.stringify(json)).toContain('APPROVAL_INVALID');
    }
  });

  test('forged, cut, of another run, step or person: there is nothing', async () => {
    const [one, other] = [await asks({ byLink: true }), await asks({ byLink: true })];
    const [link, otherLink] = [new URL(await linkOf(one.runId)), new URL(await linkOf(other.runId))];
    const token = link.pathname.split('/').at(-1) ?? '';
    const personal = new URL(kit.approvals.personUrl(one.approvalId, editor.principalId)).pathname.split('/').at(-1) ?? '';
    const wrong = [
      `/a/${one.runId}/ask/${'A'.repeat(43)}`,
      `/a/${one.runId}/ask/${token.slice(0, -1)}`,
      `/a/${other.runId}/ask/${token}`,
      `/a/${one.runId}/link/${token}`,
      `/a/${one.approvalId}/${admin.principalId}/${personal}`,
      `/a/${one.approvalId}/${editor.principalId}/${token}`,
      `/f/${one.runId}/ask/${token}`,
    ];
    for (const path of wrong) expect((await post(`${kit.url}${path}`, { decision: 'approve' })).status, path).toBe(404);
    expect(otherLink.pathname).not.toBe(link.pathname);
    for (const { approvalId } of [one, other])
      expect((await kit.rest(admin, 'GET', `/approvals/${approvalId}`)).json).toMatchObject({ state: 'open', decisions: [] });
  });
});

describe('a run that is forgotten', () => {
  test('takes what people were shown and said with it: its data alone, or all of it', async () => {
    const run = await asks({ message: 'canary-shown' });
    await decide(editor, run, { decision: 'reject', comment: 'canary-said' });
    await becomes(run.runId, 'succeeded');
    const kept = async (): Promise<string> =>
      JSON.stringify(
        await kit.database.database.query(
          'select a.*, d.comment from approval a left join approval_decision d on d.approval_id = a.id where a.run_id = $1',
          [run.runId],
        ),
      );
    expect(await kept()).toMatch(/canary-shown.*canary-said/);
    expect((await kit.rest(admin, 'POST', `/runs/${run.runId}/erase`, {})).status).toBe(200);
    expect(await kept()).not.toContain('canary');
    expect((await kit.rest(admin, 'GET', `/approvals/${run.approvalId}`)).json).toMatchObject({ state: 'rejected', title: '' });
    expect((await kit.rest(admin, 'DELETE', `/runs/${run.runId}`)).status).toBe(200);
    expect(await kept()).toBe('[]');
  });
});

describe('e-mail', () => {
  test('brings each person a link of their own, which decides without signing in', async () => {
    const mails: string[] = [];
    const server = new SMTPServer({
      authOptional: true,
      hideSTARTTLS: true,
      disabledCommands: ['AUTH'],
      onData(stream, _, done) {
        const take = async (): Promise<void> => {
          mails.push(await text(stream));
          done();
        };
        void take();
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    const { port } = server.server.address() as AddressInfo;
    const set = { host: '127.0.0.1', port, security: 'none', from: 'Plugboard <plugboard@example.com>' };
    for (const [key, value] of Object.entries(set)) {
      const answer = await kit.rest(kit.system, 'PUT', `/settings/mail.${key}`, { level: 'instance', value, expectedRev: 0 });
      expect(answer.status, answer.text).toBe(200);
    }
    const person = await kit.person('viewer');
    const persons = [await emailOf(person)];
    const run = await asks({ persons });
    await kit.mail.post.run();
    const mail = mails.find((one) => one.includes(persons[0] ?? '')) ?? '';
    const link = /(http\S+\/a\/\S+)/.exec(mail.replaceAll(/=\r?\n/g, ''))?.[1] ?? '';
    expect(link).toBe(kit.approvals.personUrl(run.approvalId, person.principalId));
    expect((await post(link, { decision: 'approve' })).status).toBe(200);
    await becomes(run.runId, 'succeeded');
    server.close();
  });
});
