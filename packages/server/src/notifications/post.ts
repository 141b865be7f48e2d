/**
 * E-mail on its way: queued in the transaction it belongs to, sealed since links that let somebody in are in it, and sent by whichever process
 * takes it. A message that cannot be sent is tried again, later each time, and given up after two days.
 */
import {
  type Database,
  type DueNotification,
  type InstanceStatements,
  claimMail,
  deleteMail,
  inInstance,
  postponeMail,
  queueMail,
  readPersonSettings,
  takeNotificationsDue,
  uuidv7,
} from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { effectiveOn } from '../settings/effective.ts';
import { type SettingKey, definitionOf } from '../settings/registry.ts';
import type { Settings } from '../settings/settings.ts';
import { seal, unseal } from '../vault/sealed.ts';
import { type Mail, MailError, type MailServer } from './mail-server.ts';
import { NOTICE_SETTINGS, isNoticeKind, noticeSetting, noticeWords } from './notices.ts';

export interface Post {
  /** False while no mail server is set: then nothing need be queued. */
  readonly isSet: boolean;
  /** With the statements it belongs to; sent after their commit. */
  queue(statements: InstanceStatements, mail: Mail): Promise<void>;
  /** Sends what is due now: for whoever waits for it, and for tests. */
  run(): Promise<void>;
  close(): Promise<void>;
}

export interface PostOptions {
  readonly database: Database;
  readonly settings: Settings;
  readonly server: MailServer;
  /** 32 bytes that seal what waits. */
  readonly key: Uint8Array;
  /** The address people open the pages at. */
  readonly pageUrl: () => string;
  /** Where one person decides about an approval without signing in. */
  readonly decideUrl?: (approvalId: string, principalId: string) => string;
  readonly log: { warn(fields: object, message: string): void };
}

/** How often is looked for what is due, in milliseconds. */
const LOOK_MS = 2000;
const AT_ONCE = 20;
/** No other process takes a message for so long, in milliseconds: longer than sending may take. */
const LEASE_MS = 5 * 60_000;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 4 * 60 * 60_000;
const MOST_ATTEMPTS = 18;

export function startPost({ database, settings, server, key, pageUrl, decideUrl, log }: PostOptions): Post {
  let isClosed = false;
  let running: Promise<void> | undefined;

  const queue = (statements: InstanceStatements, mail: Mail): Promise<void> => {
    const id = uuidv7();
    return queueMail(statements, { id, content: seal(key, ['mail', id], Buffer.from(JSON.stringify(mail))) });
  };

  /** What was told and is wanted by e-mail; gives whether there may be more. */
  const queueNotices = (): Promise<boolean> =>
    inInstance(database, async (tx) => {
      const due = await takeNotificationsDue(tx, AT_ONCE);
      if (due.length === 0 || !server.isSet) return due.length === AT_ONCE;
      const own = await readPersonSettings(
        tx,
        due.map((one) => one.principalId),
        NOTICE_SETTINGS,
      );
      for (const one of due) {
        if (!isNoticeKind(one.kind)) continue;
        const setting = noticeSetting(one.kind);
        if (channelOf(settings, setting, one.workspaceId, own.get(one.principalId)?.get(setting)) === 'mail')
          await queue(tx, mailOf(one, pageUrl(), decideUrl));
      }
      return due.length === AT_ONCE;
    });

  const sendDue = async (): Promise<boolean> => {
    if (!server.isSet) return false;
    const due = await claimMail(database, { limit: AT_ONCE, leaseMs: LEASE_MS });
    for (const { id, content, attempts } of due) {
      try {
        await server.send(JSON.parse(unseal(key, ['mail', id], content).toString('utf8')) as Mail, id);
        await deleteMail(database, id);
      } catch (error) {
        const isOver = attempts + 1 >= MOST_ATTEMPTS || !(error instanceof MailError) || error.isPermanent;
        log.warn(
          { err: error, mailId: id, attempt: attempts + 1 },
          isOver ? 'an e-mail was given up' : 'an e-mail was not sent; it is tried again',
        );
        if (isOver) await deleteMail(database, id);
        else await postponeMail(database, id, Math.min(FIRST_WAIT_MS * 2 ** attempts, LONGEST_WAIT_MS));
      }
    }
    return due.length === AT_ONCE;
  };

  const work = async (): Promise<void> => {
    while (!isClosed && (await queueNotices()));
    while (!isClosed && (await sendDue()));
  };
  const run = async (): Promise<void> => {
    // Work that is under way may have looked before what the caller queued.
    await running;
    await (running ??= work().finally(() => (running = undefined)));
  };

  let isTold = false;
  const timer = setInterval(() => {
    if (running) return;
    run().then(
      () => (isTold = false),
      (error: unknown) => {
        if (!isTold && !isClosed) log.warn({ err: error }, 'e-mail could not be looked after; it is tried again');
        isTold = true;
      },
    );
  }, LOOK_MS);
  timer.unref();

  return {
    get isSet() {
      return server.isSet;
    },
    queue,
    run,
    async close() {
      isClosed = true;
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}

function channelOf(settings: Settings, key: SettingKey, workspaceId: string | undefined, own: Json | undefined): Json {
  const above = settings.effective(key, workspaceId).value;
  // What is above counts as what the workspace says: only the person's own choice can differ from it.
  return effectiveOn('person', definitionOf(key), settings.sources, { workspace: above, person: own }).value;
}

function mailOf(
  { principalId, email, name, kind, params, count, workspaceSlug, workspaceName }: DueNotification,
  pageUrl: string,
  decideUrl: PostOptions['decideUrl'],
): Mail {
  if (!isNoticeKind(kind)) throw new Error(`there is no kind of notice ${kind}`);
  const { title, text, path } = noticeWords(kind, params, count);
  const place = workspaceSlug === undefined ? '' : `/w/${workspaceSlug}`;
  const { approvalId } = params;
  const link = kind === 'approval.asked' && typeof approvalId === 'string' ? decideUrl?.(approvalId, principalId) : undefined;
  const lines = [
    `Hello ${name},`,
    '',
    `${oneLine(title)}.`,
    text,
    '',
    `${pageUrl}${place}${path}`,
    ...(link === undefined ? [] : ['', `Decide at once, without signing in. This link is yours alone: ${link}`]),
    '',
    `--${workspaceName === undefined ? '' : ` ${workspaceName},`} Plugboard. What you hear of is in your account: ${pageUrl}${place}/account`,
  ];
  return { to: email, subject: oneLine(title), text: lines.join('\n') };
}

/** A line break in a subject would begin another header. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').slice(0, 200);
}
