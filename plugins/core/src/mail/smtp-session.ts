/**
 * One message over one connection. What goes wrong is told apart by when it happened: until the server has the whole message nothing was sent; from
 * the last byte to the server's answer nobody knows.
 */
import { Readable } from 'node:stream';
import { StepFailure, fail } from '@plugboard/sdk';
import type { JsonObject, StepConnect, StepErrorKind } from '@plugboard/sdk';
import SMTPConnection, { type SMTPConnectionAuth } from 'nodemailer/lib/smtp-connection';
import { asSocket } from '../net/socket.ts';

export interface SmtpAccount {
  readonly host: string;
  readonly port: number;
  readonly security: 'starttls' | 'tls' | 'none';
  readonly auth: 'password' | 'xoauth2' | 'none';
  readonly user: string;
  readonly password: string;
  readonly accessToken: string;
  readonly ca: string | undefined;
  readonly checkCertificate: boolean;
}

export interface SmtpMessage {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
}

export interface SmtpResult {
  readonly accepted: readonly string[];
  readonly rejected: readonly string[];
  readonly response: string;
}

export function accountOf(fields: JsonObject): SmtpAccount {
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return {
    host: text('host'),
    port: typeof fields['port'] === 'number' ? fields['port'] : 587,
    security: oneOf(fields['security'], ['starttls', 'tls', 'none']),
    auth: oneOf(fields['auth'], ['password', 'xoauth2', 'none']),
    user: text('user'),
    password: text('password'),
    accessToken: text('accessToken'),
    ca: text('ca') || undefined,
    checkCertificate: fields['checkCertificate'] !== false,
  };
}

function oneOf<const T extends string>(value: unknown, options: readonly [T, ...T[]]): T {
  return options.find((one) => one === value) ?? options[0];
}

export async function sendMessage(
  account: SmtpAccount,
  message: SmtpMessage,
  connect: StepConnect,
  timeoutMs: number,
): Promise<SmtpResult> {
  const { host, port, security, ca, checkCertificate } = account;
  if (security === 'none' && account.auth !== 'none')
    fail('SMTP_NOT_SECURE', 'A password is never sent without TLS. Choose STARTTLS or TLS in the credential, or no sign-in.', {
      kind: 'auth',
    });
  const socket = asSocket(
    await connect({ host, port, tls: security === 'tls', checkCertificate, timeoutMs, ...(ca !== undefined && { ca }) }),
  );
  const progress = { isWholeSent: false };
  const smtp = new SMTPConnection({
    host,
    connection: socket,
    secured: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security !== 'starttls',
    name: 'plugboard',
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: 0,
    maxResponseSize: 64 * 1024,
    tls: { rejectUnauthorized: checkCertificate, ...(ca !== undefined && { ca }) },
  });
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  // One that comes when nobody waits must not end the process.
  socket.on('error', () => undefined);
  try {
    await step(smtp, (done) => smtp.connect(done));
    if (account.auth !== 'none') await step(smtp, (done) => smtp.login(authOf(account), done));
    return await new Promise<SmtpResult>((resolve, reject) => {
      smtp.once('error', reject);
      smtp.once('end', () => reject(new Error('the connection was closed')));
      smtp.send({ from: message.from, to: [...message.to] }, rawOf(message.raw, progress), (error, info) => {
        if (error || !info) reject(error ?? new Error('no answer'));
        else resolve({ accepted: texts(info.accepted), rejected: texts(info.rejected), response: String(info.response ?? '') });
      });
    });
  } catch (error) {
    throw failureOf(error, account, progress.isWholeSent);
  } finally {
    clearTimeout(timer);
    smtp.close();
    socket.destroy();
  }
}

/** Waits for one exchange, and for whatever ends it before its answer. */
function step(smtp: SMTPConnection, begin: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const broken = (error: Error): void => reject(error);
    const ended = (): void => reject(new Error('the connection was closed'));
    smtp.once('error', broken);
    smtp.once('end', ended);
    begin((error) => {
      smtp.off('error', broken);
      smtp.off('end', ended);
      if (error) reject(error);
      else resolve();
    });
  });
}

function authOf(account: SmtpAccount): SMTPConnectionAuth {
  const { auth, user, password } = account;
  return auth === 'xoauth2' ? { method: 'XOAUTH2', user, oauth2: tokenSource(account) } : { user, pass: password };
}

/** What the library asks for a token: it has one, and no way to a newer one. */
function tokenSource({ user, accessToken }: SmtpAccount): NonNullable<SMTPConnectionAuth['oauth2']> {
  const source = {
    getToken: (_isRetry: boolean, done: (error: Error | null, token?: string) => void) => done(null, accessToken),
    buildXOAuth2Token: (token: string) => Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64'),
  };
  return source as unknown as NonNullable<SMTPConnectionAuth['oauth2']>;
}

/** Notes when the last byte of the message was taken. */
function rawOf(raw: Buffer, progress: { isWholeSent: boolean }): Readable {
  const stream = Readable.from([raw]);
  stream.once('end', () => (progress.isWholeSent = true));
  return stream;
}

function failureOf(error: unknown, account: SmtpAccount, isWholeSent: boolean): StepFailure {
  const { code, originalCode, responseCode, response, command } = error as {
    readonly code?: string;
    readonly originalCode?: string;
    readonly responseCode?: number;
    readonly response?: string;
    readonly command?: string;
  };
  const said = response === undefined ? '' : `: ${response.slice(0, 300)}`;
  const at = `${account.host}:${account.port}`;
  const failure = (name: string, kind: StepErrorKind, text: string): StepFailure =>
    new StepFailure(name, `${at} ${text}${said}`, {
      kind,
      ...(responseCode !== undefined && { status: responseCode }),
      // The library's own texts hold what was sent, secrets too.
      cause: code === undefined ? undefined : new Error(code),
    });
  if (code === 'EAUTH') return failure('SMTP_AUTH_FAILED', 'auth', 'does not take the sign-in');
  if (code === 'ETLS' || /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(originalCode ?? ''))
    return failure('SMTP_TLS_FAILED', 'rejected', `made no secure connection (${originalCode ?? 'it offers none'}); check the certificate`);
  if (responseCode !== undefined && responseCode >= 400 && responseCode < 500)
    return failure('SMTP_TEMPORARY', 'rejected', 'cannot take the message now');
  if (responseCode !== undefined && responseCode >= 500) {
    if (code === 'EENVELOPE') return failure('SMTP_ADDRESS_REFUSED', 'input', 'refuses the addresses');
    return failure('SMTP_MESSAGE_REFUSED', 'input', 'refuses the message');
  }
  if (isWholeSent) return failure('SMTP_OUTCOME_UNKNOWN', 'unavailable', 'got the whole message and did not say whether it takes it');
  if (command === 'CONN' || code === 'EGREETING') return failure('SMTP_NO_GREETING', 'rejected', 'does not speak SMTP as it should');
  return failure('SMTP_NOT_SENT', 'rejected', 'broke off before the message was sent');
}

function texts(list: readonly unknown[] | undefined): readonly string[] {
  return (list ?? []).map((one) => (typeof one === 'string' ? one : String((one as { readonly address?: string }).address ?? '')));
}
