/**
 * The certificate the server shows, from two files. Looked at again every few seconds, so that a renewed one counts without a restart; a pair
 * that does not fit is refused at the start, and left aside later.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';

export interface TlsFiles {
  /** The certificate, followed by those that lead to its authority, as PEM. */
  readonly certFile: string;
  /** Its private key, as PEM. */
  readonly keyFile: string;
}

/** Thrown at the start when the certificate cannot be used. */
export class TlsError extends Error {
  readonly code = 'LISTEN_TLS';
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TlsError';
  }
}

export interface TlsContext {
  readonly options: SecureContextOptions;
  readonly validTo: Date;
}

export interface TlsSource {
  readonly current: TlsContext;
  /** Reads the files again; gives whether there is a new certificate. @throws TlsError, and the one before stays */
  reload(): boolean;
  close(): void;
}

export interface TlsSourceOptions {
  readonly files: TlsFiles;
  /** Told the new one. */
  readonly onChange: (context: TlsContext) => void;
  readonly log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Between two looks at the files, in milliseconds. @default 10000 */
  readonly lookMs?: number;
}

const LOOK_MS = 10_000;

/** @throws TlsError */
export function openTls({ files, onChange, log, lookMs = LOOK_MS }: TlsSourceOptions): TlsSource {
  let current = readTls(files);
  let stamp = stampOf(files);

  const reload = (): boolean => {
    const before = current.options.cert;
    stamp = stampOf(files);
    current = readTls(files);
    if (current.options.cert === before) return false;
    onChange(current);
    log.info({ validTo: current.validTo.toISOString() }, 'the server shows another certificate now');
    return true;
  };
  const timer = setInterval(() => {
    if (stampOf(files) === stamp) return;
    try {
      reload();
    } catch (error) {
      // Perhaps one of the two is written a moment later: then they are looked at again.
      log.error({ err: error }, 'the new certificate cannot be used; the one before stays');
    }
  }, lookMs);
  timer.unref();
  return {
    get current() {
      return current;
    },
    reload,
    close: () => clearInterval(timer),
  };
}

/** Reads and checks the pair. @throws TlsError */
export function readTls({ certFile, keyFile }: TlsFiles): TlsContext {
  const cert = read(certFile, 'PLUGBOARD_TLS_CERT');
  const key = read(keyFile, 'PLUGBOARD_TLS_KEY');
  let shown: X509Certificate;
  try {
    shown = new X509Certificate(cert);
  } catch (error) {
    throw new TlsError(`PLUGBOARD_TLS_CERT: ${certFile} holds no certificate as PEM.`, error);
  }
  let fits: boolean;
  try {
    fits = shown.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new TlsError(`PLUGBOARD_TLS_KEY: ${keyFile} holds no private key as PEM, or one with a passphrase.`, error);
  }
  if (!fits) throw new TlsError(`PLUGBOARD_TLS_KEY: the key in ${keyFile} is not the one of the certificate in ${certFile}.`);
  const validTo = new Date(shown.validTo);
  if (validTo.getTime() < Date.now())
    throw new TlsError(`PLUGBOARD_TLS_CERT: the certificate in ${certFile} ended ${shown.validTo}. Renew it.`);
  return { options: { cert, key, minVersion: 'TLSv1.2' }, validTo };
}

function read(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TlsError(`${setting}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`, error);
  }
}

function stampOf({ certFile, keyFile }: TlsFiles): string {
  return [certFile, keyFile]
    .map((path) => {
      const facts = statSync(path, { throwIfNoEntry: false });
      return facts ? `${facts.mtimeMs} ${facts.size} ${facts.ino}` : '';
    })
    .join();
}
