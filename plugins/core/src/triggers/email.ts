/**
 * Starts a run for each new message of a mailbox, over IMAP. Messages are told apart by their number in the mailbox, which is kept with the run
 * that it started, so that one that was read elsewhere, or came while the server was away, is not missed and none comes twice.
 */
import { type FileRef, type Json, type OutputItem, type PollCtx, defineTrigger, fail, item, p, when } from '@plugboard/sdk';
import { isObject } from '../data/field-path.ts';
import { type ImapSession, imapAccountOf, openImap, quoted } from '../mail/imap-session.ts';
import { parseMessage } from '../mail/parse-message.ts';

const MIB = 1024 * 1024;
/** Messages a trial shows. */
const SHOWN = 3;
const MOST_ATTACHMENTS = 50;

interface Cursor {
  readonly uidValidity: number;
  readonly lastUid: number;
}

export const emailTrigger = defineTrigger({
  id: 'email-trigger',
  version: 1,
  kind: 'poll',
  title: 'New e-mail',
  help: 'Starts for each new message of a mailbox. The item has from, to, subject, date, text and html; attachments are its files.',
  icon: 'mail',
  group: 'Triggers',
  params: {
    account: p.credential('core/imap').title('Mail server').help('The account whose mailbox is read.').required(),
    mailbox: p.text().title('Mailbox').help('Its name on the server.').expr('deny').max(200).default('INBOX'),
    everySeconds: p.number().title('Every').help('Seconds between two looks.').expr('deny').integer().min(10).max(86_400).default(60),
    from: p.text().title('Only from').help('Part of the sender’s name or address.').expr('deny').max(200),
    subject: p.text().title('Only with this subject').help('Part of the subject.').expr('deny').max(200),
    unread: p
      .boolean()
      .title('Only unread messages')
      .help('Those that somebody has read already start nothing.')
      .expr('deny')
      .default(false),
    attachments: p.boolean().title('Keep attachments').help('As files of the item.').expr('deny').default(true),
    maxMiB: p
      .number()
      .title('Largest message')
      .help('MiB. Of a larger one only the headers are read, and isTruncated is true.')
      .expr('deny')
      .min(0.01)
      .max(50)
      .default(25),
    after: p
      .choice([
        { value: 'nothing', title: 'Leave them as they are' },
        { value: 'seen', title: 'Mark them as read' },
        { value: 'move', title: 'Move them' },
      ])
      .title('Afterwards')
      .help('What happens to a message once its run is stored.')
      .expr('deny')
      .default('nothing'),
    moveTo: p.text().title('Move to').help('A mailbox that is there.').expr('deny').max(200).required().when(when.eq('after', 'move')),
    first: p
      .choice([
        { value: 'remember', title: 'Leave them', help: 'Messages that are there when the workflow is published start nothing.' },
        { value: 'start', title: 'Start with them', help: 'Messages that are there when the workflow is published count as new.' },
      ])
      .title('Messages that are there already')
      .help('What happens at the first look.')
      .expr('deny')
      .default('remember'),
  },

  async *poll({ params, cursor, isTest, ctx }) {
    const fields = await ctx.credential('account');
    if (!fields) return fail('CREDENTIAL_MISSING', 'Choose the account whose mailbox is read.', { kind: 'input' });
    const mostBytes = Math.round(params.maxMiB * MIB);
    const session = await openImap(imapAccountOf(fields), ctx.connect, mostBytes);
    try {
      const isReadOnly = isTest || params.after === 'nothing';
      const { uidValidity, uidNext } = await session.open(params.mailbox, isReadOnly ? 'read' : 'change');
      const known = cursorOf(cursor);
      const last = uidNext - 1;
      const criteria = [
        ...(params.from ? [`FROM ${quoted(params.from)}`] : []),
        ...(params.subject ? [`SUBJECT ${quoted(params.subject)}`] : []),
        ...(params.unread ? ['UNSEEN'] : []),
      ];
      const reading = { session, ctx, mostBytes, keepsFiles: params.attachments && !isTest };
      if (isTest) {
        const items: OutputItem[] = [];
        for (const uid of (await session.find(1, criteria)).slice(-SHOWN).toReversed()) items.push(...(await read(reading, uid)));
        return yield { items, cursor: null };
      }
      // Numbers of another time mean nothing: the mailbox counts as one that is looked at for the first time.
      const isFirst = known?.uidValidity !== uidValidity;
      if (isFirst && known) ctx.log.warn('The mailbox was made anew; what is in it now is left.');
      if (isFirst && (known !== undefined || params.first === 'remember'))
        return yield { items: [], cursor: { uidValidity, lastUid: last } };
      const from = isFirst ? 1 : known.lastUid + 1;
      for (const uid of await session.find(from, criteria)) {
        const items = await read(reading, uid);
        yield { items, cursor: { uidValidity, lastUid: uid } };
        // Its run is stored.
        if (items.length > 0 && params.after === 'seen') await session.markSeen(uid);
        if (items.length > 0 && params.after === 'move' && params.moveTo !== undefined) await session.move(uid, params.moveTo);
      }
      // Messages that do not fit the criteria are not looked at again; those that came meanwhile are.
      if (last >= from && !params.unread) yield { items: [], cursor: { uidValidity, lastUid: Math.max(last, from - 1) } };
    } finally {
      session.close();
    }
  },
});

function cursorOf(cursor: Json | undefined): Cursor | undefined {
  return isObject(cursor) && typeof cursor['uidValidity'] === 'number' && typeof cursor['lastUid'] === 'number'
    ? { uidValidity: cursor['uidValidity'], lastUid: cursor['lastUid'] }
    : undefined;
}

interface Reading {
  readonly session: ImapSession;
  readonly ctx: PollCtx;
  readonly mostBytes: number;
  readonly keepsFiles: boolean;
}

/** The message as an item; none when it has gone meanwhile. */
async function read({ session, ctx, mostBytes, keepsFiles }: Reading, uid: number): Promise<OutputItem[]> {
  const size = await session.sizeOf(uid);
  if (size === undefined) return [];
  const isTruncated = size > mostBytes;
  const raw = await session.fetch(uid, isTruncated ? 'header' : 'whole');
  if (!raw) return [];
  const { attachments, date, ...message } = parseMessage(raw);
  const files: { [name: string]: FileRef } = {};
  if (keepsFiles)
    for (const { name, mime, content } of attachments.slice(0, MOST_ATTACHMENTS))
      files[freeName(files, name)] = await ctx.files.create(content, { name, mime });
  const listed = attachments.map(({ name, mime, content }) => ({ name, mime, sizeBytes: content.length }));
  const json = { uid, ...message, date: date ?? null, sizeBytes: size, isTruncated, attachments: listed };
  return [item(json, Object.keys(files).length === 0 ? {} : { files })];
}

function freeName(files: object, name: string): string {
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? name : `${name} (${n})`;
    if (!Object.hasOwn(files, candidate)) return candidate;
  }
}
