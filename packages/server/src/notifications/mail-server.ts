/** The mail server of the settings: one message over one connection. */
import { type Settings } from '../settings/settings.ts';

/** One e-mail, in plain text: nothing in it loads, hides or tells when it was read. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Thrown when a message did not go out. `isPermanent`: another try would end the same way. */
export class MailError extends Error {
  readonly code = 'MAIL_NOT_SENT';
  readonly isPermanent: boolean;
  constructor(message: string, isPermanent: boolean) {
    super(message);
    this.name = 'MailError';
    this.isPermanent = isPermanent;
  }
}

export interface MailServer {
  /** False while the settings name no mail server and sender. */
  readonly isSet: boolean;
  /** @param id the same message always has the same one @throws MailError */
  send(mail: Mail, id: string): Promise<void>;
}

const TIMEOUT_MS = 30_000;

export function createMailServer({ settings }: { readonly settings: Settings }): MailServer {
  const isSet = (): boolean => settings.value('mail.host') !== '' && settings.value('mail.from') !== '';
  return {
    get isSet() {
      return isSet();
    },
    async send(mail, id) {
      if (!isSet())
        throw new MailError('No mail server and sender are set. Set mail.host and mail.from in the settings of the server.', false);
      const host = settings.value('mail.host').replaceAll(/^\[|\]$/g, '');
      const port = settings.value('mail.port');
      const security = settings.value('mail.security');
      const user = settings.value('mail.user');
      const from = settings.value('mail.from');
      const authority = settings.value('mail.certificate');
      if (security === 'none' && user !== '')
        throw new MailError('A password is never sent without TLS. Choose STARTTLS or TLS in mail.security, or empty mail.user.', true);
      // Loaded by the first message: most servers never send one.
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        host,
        port,
        secure: security === 'tls',
        requireTLS: security === 'starttls',
        ignoreTLS: security === 'none',
        name: 'plugboard',
        connectionTimeout: TIMEOUT_MS,
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
        ...(authority === '' ? {} : { tls: { ca: authority } }),
        disableFileAccess: true,
        disableUrlAccess: true,
        ...(user === '' ? {} : { auth: { user, pass: settings.secret('mail.password') } }),
      });
      try {
        const domain = /@([a-z0-9.-]+)>?\s*$/i.exec(from)?.[1] ?? 'plugboard.invalid';
        await transport.sendMail({ ...mail, from, messageId: `<${id}@${domain}>`, headers: { 'Auto-Submitted': 'auto-generated' } });
      } catch (error) {
        throw failureOf(error, `${host}:${port}`);
      } finally {
        transport.close();
      }
    },
  };
}

/** The library's own texts may hold what was sent, secrets too. */
function failureOf(error: unknown, at: string): MailError {
  const {
    code = '',
    originalCode = '',
    responseCode,
    response,
  } = error as { readonly code?: string; readonly originalCode?: string; readonly responseCode?: number; readonly response?: string };
  const said = response === undefined ? '' : `: ${response.slice(0, 300)}`;
  if (code === 'EAUTH') return new MailError(`${at} does not take the sign-in${said}. Look at mail.user and mail.password.`, false);
  if (code === 'ETLS' || /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(originalCode))
    return new MailError(`${at} made no secure connection. Look at mail.security and mail.certificate.`, false);
  if (responseCode !== undefined && responseCode >= 500) return new MailError(`${at} refuses the message${said}`, true);
  if (responseCode !== undefined) return new MailError(`${at} cannot take the message now${said}`, false);
  return new MailError(`${at} cannot be reached, or broke off (${code || 'no answer'}). Look at mail.host and mail.port.`, false);
}
