/** What people are told, by which way, and that nobody hears what is not for him. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createPerson, deleteOldNotifications, inInstance, inWorkspace, uuidv7 } from '@plugboard/persistence';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';
import { notificationSweeps } from './notification-sweeps.ts';
import { createRunNotices } from './run-notices.ts';
import { tell } from './tell.ts';

interface Received {
  readonly to: string;
  readonly raw: string;
}

/** One that speaks no TLS and asks for no password, as inside one machine. */
async function aMailServer(options: Partial<SMTPServerOptions> = {}): Promise<{ port: number; mails: Received[]; close: () => void }> {
  const mails: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    disabledCommands: ['AUTH'],
    onData(stream, session, done) {
      const take = async (): Promise<void> => {
        mails.push({ to: session.envelope.rcptTo.map((one) => one.address).join(), raw: await text(stream) });
        done();
      };
      void take();
    },
    ...options,
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return { port: (server.server.address() as AddressInfo).port, mails, close: () => server.close() };
}

function aCertificate(): { readonly key: string; readonly cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'notifications-'));
  const made =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost';
  execFileSync('openssl', [...made.split(' '), '-keyout', join(dir, 'key'), '-out', join(dir, 'cert')], { stdio: 'ignore' });
  const [key, cert] = [readFileSync(join(dir, 'key'), 'utf8'), readFileSync(join(dir, 'cert'), 'utf8')];
  rmSync(dir, { recursive: true });
  return { key, cert };
}

let kit: ApiKit;
let admin: TestCaller;
let editor: TestCaller;
let mailbox: Awaited<ReturnType<typeof aMailServer>>;
beforeAll(async () => {
  kit = await openApiKit();
  [admin, editor] = [await kit.person('admin'), await kit.person('editor')];
  mailbox = await aMailServer();
});
afterAll(async () => {
  mailbox.close();
  await kit.close();
});

const as = (who: TestCaller, method: string, path: string, body?: unknown) => kit.rest(who, method, path, body);
const listOf = async (who: TestCaller): Promise<{ id: string; kind: string; count: number; params: object }[]> =>
  (await as(who, 'GET', '/notifications')).json.rows;
const unreadOf = async (who: TestCaller): Promise<number> => (await as(who, 'GET', '/notifications/unread')).json.unread;
const emailOf = async (who: TestCaller): Promise<string> => (await as(who, 'GET', '/person')).json.email;
const choose = async (who: TestCaller, key: string, value: string | null): Promise<void> => {
  const all = (await as(who, 'GET', '/person/settings')).json as { key: string; rev: number }[];
  const expectedRev = all.find((one) => one.key === `notifications.${key}`)?.rev ?? 0;
  expect((await as(who, 'PUT', `/person/settings/notifications.${key}`, { value, expectedRev })).status).toBe(200);
};
const setMail = async (values: Readonly<Record<string, unknown>>): Promise<void> => {
  const all = (await as(kit.system, 'GET', '/settings?level=instance')).json as { key: string; rev: number }[];
  for (const [key, value] of Object.entries(values)) {
    const expectedRev = all.find((one) => one.key === `mail.${key}`)?.rev ?? 0;
    expect((await as(kit.system, 'PUT', `/settings/mail.${key}`, { level: 'instance', value, expectedRev })).status).toBe(200);
  }
};
const withMail = (): Promise<void> =>
  setMail({ host: '127.0.0.1', port: mailbox.port, security: 'none', from: 'Plugboard <plugboard@example.com>' });
const withoutMail = (): Promise<void> => setMail({ host: null });

const anApproval = (to: readonly string[], about: string) => ({
  kind: 'approval.asked' as const,
  to,
  about,
  params: { approvalId: about, title: 'Pay 100 €', runId: '0198a000-0000-7000-8000-000000000001' },
});
const inside = <Result>(use: Parameters<typeof inWorkspace<Result>>[2]): Promise<Result> =>
  inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: editor.principalId }, use);

describe('telling', () => {
  test('happens with the transaction it belongs to or not at all, once per reason, and only to persons', async () => {
    const before = await unreadOf(admin);
    await expect(
      inside(async (tx) => {
        await tell(tx, anApproval([admin.principalId], 'taken-back'));
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(await unreadOf(admin)).toBe(before);
    for (let n = 0; n < 2; n += 1) await inside((tx) => tell(tx, anApproval([admin.principalId, kit.system.principalId], 'one')));
    expect(await unreadOf(admin)).toBe(before + 1);
    expect((await listOf(admin))[0]).toMatchObject({ kind: 'approval.asked', count: 1, params: { title: 'Pay 100 €' } });
    expect((await listOf(editor)).filter((one) => one.kind === 'approval.asked')).toEqual([]);
    const rows = await kit.database.database.query('select from notification where principal_id = $1', [kit.system.principalId]);
    expect(rows).toEqual([]);
  });

  test('is read by whom it is for: paged, marked, counted', async () => {
    for (const about of ['a', 'b', 'c']) await inside((tx) => tell(tx, anApproval([editor.principalId], about)));
    const first = (await as(editor, 'GET', '/notifications?first=2')).json;
    expect(first).toMatchObject({ hasMore: true, rows: [{ params: { approvalId: 'c' } }, { params: { approvalId: 'b' } }] });
    const rest = (await as(editor, 'GET', `/notifications?first=100&after=${first.endCursor}`)).json;
    expect(rest.rows[0]).toMatchObject({ params: { approvalId: 'a' } });
    expect((await as(admin, 'POST', '/notifications/read', { ids: [first.rows[0].id] })).json).toEqual({ count: 0 });
    expect((await as(editor, 'POST', '/notifications/read', { ids: [first.rows[0].id] })).json).toEqual({ count: 1 });
    expect(await unreadOf(editor)).toBe(2);
    await as(editor, 'POST', '/notifications/read', {});
    expect(await unreadOf(editor)).toBe(0);
  });

  test('is left out of list and count for who does not want to hear of it, and there again when he does', async () => {
    await inside((tx) => tell(tx, anApproval([editor.principalId], 'unwanted')));
    await choose(editor, 'approval', 'none');
    expect([await unreadOf(editor), (await listOf(editor)).filter((one) => one.kind === 'approval.asked')]).toEqual([0, []]);
    await choose(editor, 'approval', null);
    expect(await unreadOf(editor)).toBe(1);
    await as(editor, 'POST', '/notifications/read', {});
  });

  test('is forgotten after its time', async () => {
    const { database } = kit.database;
    await inside((tx) => tell(tx, anApproval([editor.principalId], 'old')));
    await database.query(`update notification set created_at = now() - interval '91 days' where dedupe_key = 'approval.asked:old'`);
    expect(await deleteOldNotifications(database, { keepMs: 90 * 86_400_000, limit: 10 })).toBe(1);
  });
});

describe('runs', () => {
  const run = (workflowId: string, n: number, more: object = {}) => ({
    head: {
      id: `0198a000-0000-7000-8000-${String(n).padStart(12, '0')}`,
      workspaceId: kit.workspace.id,
      workflowId,
      environment: 1,
      initiator: editor.principalId,
    },
    end: { status: 'failed' as const, errorCode: 'HTTP_500', errorMessage: 'The service broke', errorFingerprint: 'f1' },
    ...more,
  });
  const newWorkflow = async (name: string): Promise<string> => {
    const made = await as(admin, 'POST', '/workflows/import', { definition: aDefinition(name, name.toLowerCase()), publish: true });
    expect(made.status).toBe(201);
    return made.json.workflowId;
  };
  const failures = async (who: TestCaller, workflowId: string) =>
    (await listOf(who)).filter((one) => one.kind === 'run.failed' && (one.params as { workflowId: string }).workflowId === workflowId);

  test('that fail alike are told once an hour with how often, to who published and who started', async () => {
    const workflowId = await newWorkflow('Failing');
    const notices = createRunNotices({ database: kit.database.database, log: console });
    for (let n = 1; n <= 500; n += 1) notices.committed(run(workflowId, n));
    notices.committed({ ...run(workflowId, 501), end: { status: 'failed', errorCode: 'OTHER', errorFingerprint: 'f2' } });
    await notices.flush();
    for (const who of [admin, editor]) {
      const told = await failures(who, workflowId);
      expect(told.map((one) => one.count).toSorted((a, b) => a - b)).toEqual([1, 500]);
      expect(told.find((one) => one.count === 500)?.params).toMatchObject({
        workflow: 'Failing',
        code: 'HTTP_500',
        message: 'The service broke',
      });
    }
    await as(admin, 'POST', '/notifications/read', {});
    notices.committed(run(workflowId, 502));
    await notices.flush();
    expect(await unreadOf(admin), 'within the hour it is only counted').toBe(0);
    expect((await failures(admin, workflowId)).some((one) => one.count === 501)).toBe(true);
    await kit.database.database.query(`update notification set created_at = created_at - interval '61 minutes' where kind = 'run.failed'`);
    notices.committed(run(workflowId, 503));
    await notices.close();
    expect(await unreadOf(admin), 'an hour later it is news').toBe(1);
    expect((await failures(admin, workflowId)).some((one) => one.count === 1)).toBe(true);
  });

  test('that ask are told of; drafts, cancelled runs and those that went well are not', async () => {
    const workflowId = await newWorkflow('Asking');
    await as(editor, 'POST', '/notifications/read', {});
    const notices = createRunNotices({ database: kit.database.database, log: console });
    const { end: _, ...open } = run(workflowId, 601);
    notices.committed({ ...open, waiting: 'unknown_effect' });
    notices.committed({ ...open, head: { ...open.head, id: '0198a000-0000-7000-8000-000000000602' }, waiting: 'timer' });
    notices.committed({ ...run(workflowId, 603), head: { ...run(workflowId, 603).head, environment: 0 } });
    notices.committed({ ...run(workflowId, 604), end: { status: 'cancelled', errorCode: 'CANCELLED' } });
    notices.committed({ ...run(workflowId, 605), end: { status: 'succeeded' } });
    await notices.close();
    const told = (await as(editor, 'GET', '/notifications?unreadOnly=true')).json.rows;
    expect(told).toMatchObject([
      { kind: 'run.asks', params: { runId: run(workflowId, 601).head.id, why: 'unknown_effect', workflow: 'Asking' } },
    ]);
  });
});

describe('runs that ask', () => {
  const asking = async (workflowId: string, initiator: string | null): Promise<string> => {
    const { query } = kit.database.database;
    const id = uuidv7();
    await query(
      `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, initiator, root_run_id, started_at)
       values ($1, $2, $3, 1, 1, 1, 0, $4, $1, now())`,
      [id, kit.workspace.id, workflowId, initiator],
    );
    await query(
      `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, waiting, started_at)
       values ($1, $2, $3, 1, 1, $1, 1, 1, 3, 7, now())`,
      [id, kit.workspace.id, workflowId],
    );
    return id;
  };
  const told = async (who: TestCaller, runId: string) =>
    (await listOf(who)).filter((one) => one.kind === 'run.asks' && (one.params as { runId: string }).runId === runId);

  test('rule 10: are told of although the server died before it could, once', async () => {
    const made = await as(admin, 'POST', '/workflows/import', { definition: aDefinition('Poison', 'poison'), publish: true });
    const runId = await asking(made.json.workflowId, editor.principalId);
    const sweep = notificationSweeps({ database: kit.database.database, keepDays: () => 90 }).find((one) => one.name === 'asking-runs');
    for (let pass = 0; pass < 2; pass += 1) await sweep?.step(Date.now());
    for (const who of [admin, editor])
      expect(await told(who, runId)).toMatchObject([{ count: 1, params: { workflow: 'Poison', why: 'quarantine' } }]);
  });

  test('of workflows that no person made live are told to the owners of the workspace', async () => {
    const owner = await kit.person('owner');
    const made = await as(kit.system, 'POST', '/workflows/import', { definition: aDefinition('Unattended', 'unattended'), publish: true });
    const runId = await asking(made.json.workflowId, null);
    const sweep = notificationSweeps({ database: kit.database.database, keepDays: () => 90 }).find((one) => one.name === 'asking-runs');
    await sweep?.step(Date.now());
    expect([await told(owner, runId), await told(admin, runId)]).toMatchObject([[{ params: { workflow: 'Unattended' } }], []]);
  });
});

describe('by e-mail', () => {
  test('goes what a person wants there, with a link, and nothing before a mail server is set', async () => {
    await inside((tx) => tell(tx, anApproval([admin.principalId, editor.principalId], 'before')));
    await kit.mail.post.run();
    await withMail();
    await kit.mail.post.run();
    expect(mailbox.mails).toEqual([]);
    await choose(editor, 'approval', 'page');
    await inside((tx) => tell(tx, anApproval([admin.principalId, editor.principalId], 'after')));
    await kit.mail.post.run();
    expect(mailbox.mails.map((one) => one.to)).toEqual([await emailOf(admin)]);
    const [{ raw } = { raw: '' }] = mailbox.mails.splice(0);
    expect(raw).toContain('/w/default/approvals/after');
    expect(raw).toMatch(/Subject: .*Pay/);
    await choose(editor, 'approval', null);
    expect(await kit.database.database.query('select from mail')).toEqual([]);
  });

  test('an invitation and another role reach who they are for', async () => {
    await withMail();
    const invited = (await as(admin, 'POST', '/invitations', { email: 'new@example.com', role: 'viewer' })).json;
    expect(invited.isMailed).toBe(true);
    const member = await kit.person('viewer');
    await as(admin, 'PUT', `/members/${member.principalId}/role`, { role: 'editor' });
    expect(await listOf(member)).toMatchObject([{ kind: 'member.role', params: { before: 'viewer', role: 'editor' } }]);
    await kit.mail.post.run();
    const [mail] = mailbox.mails.splice(0);
    expect(mail?.to).toBe('new@example.com');
    expect(mail?.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=')).toContain(invited.link);
  });

  test('goes to nobody who has left the workspace meanwhile', async () => {
    await withMail();
    const gone = await kit.person('editor');
    await inside((tx) => tell(tx, anApproval([gone.principalId, admin.principalId], 'left')));
    expect((await as(admin, 'DELETE', `/members/${gone.principalId}`, {})).status).toBe(200);
    await kit.mail.post.run();
    expect(mailbox.mails.splice(0).map((one) => one.to)).toEqual([await emailOf(admin)]);
  });

  test('a title with line breaks makes no header of its own', async () => {
    await withMail();
    const notice = anApproval([admin.principalId], 'breaks');
    await inside((tx) => tell(tx, { ...notice, params: { ...notice.params, title: 'x\r\nBcc: all@example.com' } }));
    await kit.mail.post.run();
    const [mail] = mailbox.mails.splice(0);
    expect(mail?.to).toBe(await emailOf(admin));
    expect(mail?.raw).not.toMatch(/^Bcc:/m);
  });

  test('what a server cannot take now is tried again later, and what it refuses is given up', async () => {
    const { database } = kit.database;
    const answers = { code: 451 };
    const picky = await aMailServer({
      onMailFrom: (_, __, done) => done(Object.assign(new Error('not now'), { responseCode: answers.code })),
    });
    await setMail({ host: '127.0.0.1', port: picky.port, security: 'none', from: 'p@example.com' });
    await kit.mail.post.queue(database, { to: 'a@example.com', subject: 's', text: 'CANARY' });
    const [stored] = await database.query<{ content: Buffer }>('select content from mail');
    expect(stored?.content.toString('latin1')).not.toContain('CANARY');
    await kit.mail.post.run();
    const waiting = await database.query<{ attempts: number; isLater: boolean }>(
      `select attempts, next_at > now() + interval '50 seconds' and next_at < now() + interval '70 seconds' as "isLater" from mail`,
    );
    expect(waiting).toEqual([{ attempts: 1, isLater: true }]);
    answers.code = 550;
    await database.query('update mail set next_at = now()');
    await kit.mail.post.run();
    expect(await database.query('select from mail')).toEqual([]);
    picky.close();
  });

  test('a password is said over TLS only, to a server whose certificate is vouched for', async () => {
    const { key, cert } = aCertificate();
    const secured = await aMailServer({
      key,
      cert,
      hideSTARTTLS: false,
      authOptional: false,
      disabledCommands: [],
      onAuth: ({ username, password }, session, done) =>
        session.secure && username === 'shop' && password === 'CANARY' ? done(null, { user: 'shop' }) : done(new Error('wrong')),
    });
    await setMail({ host: 'localhost', port: secured.port, security: 'starttls', user: 'shop', password: 'CANARY', from: 'p@example.com' });
    const attempt = () => as(kit.system, 'POST', '/instance/test-mail', { to: 'me@example.com' });
    expect((await attempt()).json.error.message).toContain('secure connection');
    await setMail({ certificate: cert });
    expect((await attempt()).status).toBe(200);
    await setMail({ password: 'wrong-CANARY' });
    const refused = await attempt();
    expect(refused.json.error.message).toContain('mail.password');
    expect(refused.text).not.toContain('CANARY');
    expect(secured.mails).toHaveLength(1);
    await setMail({ user: null, password: null, certificate: null });
    secured.close();
  });

  test('the settings can be tried, and say what is wrong with them', async () => {
    await withMail();
    expect((await as(kit.system, 'POST', '/instance/test-mail', { to: 'me@example.com' })).status).toBe(200);
    expect(mailbox.mails.splice(0)).toMatchObject([{ to: 'me@example.com' }]);
    await setMail({ security: 'starttls' });
    const refused = await as(kit.system, 'POST', '/instance/test-mail', { to: 'me@example.com' });
    expect([refused.status, refused.json.error.code]).toEqual([409, 'MAIL_NOT_SENT']);
    expect(refused.json.error.message).toContain('secure connection');
    await setMail({ security: 'none', user: 'somebody' });
    expect((await as(kit.system, 'POST', '/instance/test-mail', { to: 'me@example.com' })).json.error.message).toContain('without TLS');
    await setMail({ user: null });
    await withoutMail();
  });
});

describe('a forgotten password', () => {
  const PASSWORD = 'another four words';
  const ask = (email: string) => kit.rest(kit.nobody, 'POST', '/password-reset/request', { email }, { 'x-plugboard-request': '1' });
  const settled = async (): Promise<Received[]> => {
    await kit.mail.resets.settle();
    await kit.mail.post.run();
    return mailbox.mails.splice(0);
  };
  const tokenIn = (mail: Received | undefined): string =>
    /#token=([\w-]+)/.exec(mail?.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=') ?? '')?.[1] ?? '';

  test('is set anew by a link that comes by e-mail, once; every session ends', async () => {
    await withoutMail();
    expect((await kit.rest(kit.nobody, 'GET', '/session')).json.resetsByMail).toBe(false);
    expect((await ask('x@example.com')).json.error.code).toBe('MAIL_NOT_SENT');
    await withMail();
    expect((await kit.rest(kit.nobody, 'GET', '/session')).json.resetsByMail).toBe(true);
    const person = await kit.person('viewer');
    const email = await emailOf(person);
    expect((await ask(email.toUpperCase())).status).toBe(202);
    const [mail] = await settled();
    expect(mail?.to).toBe(email);
    const [stored] = await kit.database.database.query<{ hash: string; minutes: number }>(
      `select encode(token_hash, 'escape') as hash, round(extract(epoch from expires_at - now()) / 60)::int4 as minutes from password_reset where person_id = $1`,
      [person.principalId],
    );
    expect(stored?.minutes).toBe(30);
    expect(stored?.hash).not.toContain(tokenIn(mail));
    const reset = (token: string) => kit.rest(kit.nobody, 'POST', '/password-reset', { token, password: PASSWORD });
    expect((await reset(tokenIn(mail))).status).toBe(200);
    expect((await reset(tokenIn(mail))).status).toBe(404);
    expect((await as(person, 'GET', '/person')).status).toBe(401);
  });

  test('tells nobody whether an address is known, and does not flood it', async () => {
    await kit.database.database.query('delete from login_attempt');
    const person = await kit.person('viewer');
    const email = await emailOf(person);
    const known = [];
    for (let n = 0; n < 5; n += 1) known.push(await ask(email));
    const unknown = await ask('nobody-at-all@example.com');
    expect(new Set([...known, unknown].map((one) => `${one.status} ${one.text}`)).size).toBe(1);
    expect((await settled()).length, 'of five requests').toBeLessThanOrEqual(3);
    for (let n = 0; n < 30; n += 1) await ask(`somebody-${n}@example.com`);
    expect((await ask(email)).json.error.code).toBe('TOO_MANY_ATTEMPTS');
    await kit.database.database.query('delete from login_attempt');
    await settled();
  });

  test('of somebody who is kept out is not set, and a link of an operator stays the one that works', async () => {
    const { database } = kit.database;
    const made = await inInstance(database, (tx) => createPerson(tx, { email: 'out@example.com', displayName: 'Out' }));
    const id = made.kind === 'created' ? made.personId : '';
    await database.query('update person set disabled_at = now() where principal_id = $1', [id]);
    await ask('out@example.com');
    expect(await settled()).toEqual([]);
    await database.query('update person set disabled_at = null where principal_id = $1', [id]);
    const { link } = (await as(kit.system, 'POST', `/persons/${id}/reset-link`)).json;
    await ask('out@example.com');
    expect(await settled()).toEqual([]);
    const token = /#token=(.*)$/.exec(link)?.[1];
    expect((await kit.rest(kit.nobody, 'POST', '/password-reset', { token, password: PASSWORD })).status).toBe(200);
  });
});
