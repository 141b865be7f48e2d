/**
 * Sends an e-mail for each item. A message has the same Message-ID in every attempt; whether it was sent is only unknown when the connection broke
 * between its last byte and the server's answer, and then a person is asked.
 */
import { createHash } from 'node:crypto';
import type { FileRef, Item, StepCtx } from '@plugboard/sdk';
import { defineNode, fail, p } from '@plugboard/sdk';
import { setField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';
import { fileOf, readWhole } from '../files/item-file.ts';
import type { MailAddress } from '../mail/addresses.ts';
import { SMTP_REJECTED } from '../mail/rejected-codes.ts';

const RECIPIENTS_MAX = 100;
const ATTACHED_MAX = 25 * 1024 * 1024;

const people = (title: string, help: string) => p.text().title(title).help(help).max(16_384);

export const sendEmail = defineNode({
  id: 'send-email',
  version: 1,
  title: 'Send e-mail',
  help: 'Sends an e-mail for each item through your mail server.',
  icon: 'mail',
  group: 'Network',
  per: 'item',
  effects: 'write',
  rejected: SMTP_REJECTED,
  params: {
    account: p.credential('core/smtp').title('Mail server').help('The account that sends.').required(),
    from: people('From', 'One address, with a name if you like: Shop <shop@example.com>.').min(1).required(),
    to: people('To', `Addresses, separated by commas; at most ${RECIPIENTS_MAX} with those below.`).min(1).required(),
    cc: people('Copy', 'Everybody sees who gets one.').default(''),
    bcc: people('Hidden copy', 'Nobody sees who gets one.').default(''),
    replyTo: people('Answers to', 'Where answers go, when not to the sender.').default(''),
    subject: p.text().title('Subject').help('In one line.').max(900).required(),
    text: p.text().title('Text').help('For readers that show no HTML. Give text, HTML or both.').multiline().max(5_000_000).default(''),
    html: p
      .text()
      .title('HTML')
      .help('As it is: put foreign texts through a Template step, which escapes them.')
      .multiline()
      .max(5_000_000)
      .default(''),
    attachments: p
      .list(p.text().title('File').min(1).max(100))
      .title('Attachments')
      .help('Names of the item’s files; * for all of them. At most 25 MiB together.')
      .max(50)
      .default([]),
    inReplyTo: p
      .text()
      .title('In reply to')
      .help('Message-ID of the e-mail this one answers, so that both are shown together.')
      .max(900)
      .default(''),
    timeoutMs: p.number().title('Time limit').help('Milliseconds for the whole exchange.').integer().min(1000).max(600_000).default(60_000),
    resultField: p
      .text()
      .title('Result field')
      .help('Name or path; gets messageId, accepted, rejected and response.')
      .min(1)
      .max(500)
      .default('email'),
  },
  async run({ params, item, ctx }) {
    // Loaded by the first step that needs it: most workflows never do.
    const { addressesOf, demandOneLine } = await import('../mail/addresses.ts');
    const { accountOf, sendMessage } = await import('../mail/smtp-session.ts');
    const [from, ...others] = addressesOf(params.from, 'From');
    if (from === undefined || others.length > 0) return fail('ADDRESS_INVALID', 'From is exactly one address.');
    const to = addressesOf(params.to, 'To');
    const cc = addressesOf(params.cc, 'Copy');
    const bcc = addressesOf(params.bcc, 'Hidden copy');
    const recipients = [...new Set([...to, ...cc, ...bcc].map((one) => one.address))];
    if (recipients.length === 0) fail('ADDRESS_INVALID', 'To has no address.');
    if (recipients.length > RECIPIENTS_MAX)
      fail('TOO_MANY_RECIPIENTS', `${recipients.length} addresses are more than the ${RECIPIENTS_MAX} of one e-mail. Send several.`);
    demandOneLine(params.subject, 'The subject');
    demandOneLine(params.inReplyTo, 'In reply to');
    if (params.text === '' && params.html === '') fail('MESSAGE_EMPTY', 'The e-mail has neither text nor HTML.');
    const account = await ctx.credential('account');
    if (account === undefined) return fail('CREDENTIAL_MISSING', 'The step has no mail server. Choose a credential.');
    const messageId = messageIdOf(ctx.idempotencyKey, from.address);
    const replyTo = addressesOf(params.replyTo, 'Answers to');
    const raw = await build(params, { item, ctx, from, to, cc, replyTo, messageId });
    const sent = await sendMessage(accountOf(account), { from: from.address, to: recipients, raw }, ctx.connect, params.timeoutMs);
    if (sent.rejected.length > 0)
      ctx.log.warn(`Not everybody gets the e-mail: ${sent.rejected.length} addresses were refused.`, [...sent.rejected]);
    const json = { ...item.json };
    setField(json, params.resultField, {
      messageId,
      accepted: [...sent.accepted],
      rejected: [...sent.rejected],
      response: sent.response.slice(0, 500),
    });
    return withFiles(json, item);
  },
});

interface Parts {
  readonly item: Item;
  readonly ctx: StepCtx;
  readonly from: MailAddress;
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  readonly messageId: string;
}

interface Content {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly inReplyTo: string;
  readonly attachments: readonly string[];
}

/** The message as it goes over the wire. Hidden copies are in no header. */
async function build(content: Content, { item, ctx, from, to, cc, replyTo, messageId }: Parts): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const attachments: { filename: string; contentType: string; content: Buffer }[] = [];
  let left = ATTACHED_MAX;
  for (const file of attached(item, content.attachments)) {
    const bytes = await readWhole(ctx.files, file, left);
    left -= bytes.byteLength;
    attachments.push({ filename: file.name, contentType: file.mime, content: Buffer.from(bytes) });
  }
  const composer = new MailComposer({
    messageId,
    date: new Date(ctx.now),
    from: { ...from },
    to: to.map((one) => ({ ...one })),
    cc: cc.map((one) => ({ ...one })),
    replyTo: replyTo.map((one) => ({ ...one })),
    subject: content.subject,
    ...(content.text !== '' && { text: content.text }),
    ...(content.html !== '' && { html: content.html }),
    ...(content.inReplyTo !== '' && { inReplyTo: content.inReplyTo, references: [content.inReplyTo] }),
    attachments,
    // Every attempt sends the same bytes.
    baseBoundary: createHash('sha256').update(messageId).digest('hex').slice(0, 24),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: '\r\n',
  });
  return composer.compile().build();
}

function attached(item: Item, names: readonly string[]): readonly FileRef[] {
  return names.flatMap((name) => (name === '*' ? Object.values(item.files ?? {}) : [fileOf(item, name)]));
}

function messageIdOf(key: string, from: string): string {
  const domain = from.slice(from.lastIndexOf('@') + 1).toLowerCase();
  const name = createHash('sha256').update(key).digest('hex').slice(0, 40);
  // A domain in other letters goes as it is written in the name system.
  return `<${name}@${URL.canParse(`http://${domain}`) ? new URL(`http://${domain}`).hostname : 'plugboard.invalid'}>`;
}
