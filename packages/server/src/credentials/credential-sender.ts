/**
 * Sends a request with a credential: to allowed hosts only, replacing whatever the step set in its place, with a fresh token, and with the
 * secret taken out of what comes back. What the service says about the credential becomes its health.
 */
import { setCredentialHealth } from '@plugboard/persistence';
import { StepFailure } from '@plugboard/sdk';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';
import { mayGoTo } from './allowed-hosts.ts';
import { type Attachment, attach, hasTokens } from './attach.ts';
import { hostNotAllowed } from './credential-failures.ts';
import { type CredentialStore, type OpenedCredential, secretTexts } from './credential-store.ts';
import { createSecretMask } from './secret-mask.ts';
import type { TokenKeeper } from './token-keeper.ts';

export interface SenderRequest {
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
  /** Not the first hop: where the credential may not go, the request goes without it. */
  readonly isRedirected: boolean;
}

export interface CredentialSender {
  /** @throws StepFailure; redirects are answers here */
  send(credential: OpenedCredential, request: SenderRequest): Promise<Response>;
}

export interface CredentialSenderOptions {
  readonly store: CredentialStore;
  readonly tokens: TokenKeeper;
  readonly egress: GuardedFetch;
  readonly now: () => number;
  readonly log: { warn(fields: object, message: string): void };
}

/** Most bytes of a body that is signed, which has to be in memory. */
const SIGNED_BYTES = 64 * 1024 * 1024;
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/** The request with its parts in one place. */
interface Parts {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly init: RequestInit;
  readonly isRepeatable: boolean;
}

export function createCredentialSender({ store, tokens, egress, now, log }: CredentialSenderOptions): CredentialSender {
  const sendOnce = async (credential: OpenedCredential, parts: Parts): Promise<Response> => {
    let { init } = parts;
    const wholeBody = async (): Promise<Uint8Array> => {
      const bytes = await bodyBytes(init.body);
      // A stream was read, and is sent as what was read.
      if (init.body instanceof ReadableStream) init = { ...init, body: new Uint8Array(bytes) };
      return bytes;
    };
    const { row, version } = credential;
    const id = `${row.id}/${version}/${row.rev}`;
    const attached = await attach({ ...credential, id }, { ...parts, body: wholeBody }, now());
    const mask = createSecretMask([...attached.secrets, ...secretTexts(credential)]);
    const headers = new Headers(parts.headers);
    // Another name for the host would lead past what the credential allows.
    headers.delete('host');
    for (const [name, value] of Object.entries(attached.headers)) headers.set(name, value);
    const address = withQuery(parts.url, attached.query);
    const sent: RequestInit = { ...init, method: parts.method, headers, redirect: 'manual' };
    try {
      const response = await (attached.tls ? egress.fetchAs(attached.tls, address, sent) : egress.fetch(address, sent));
      return masked(response, parts.url, mask);
    } catch (error) {
      throw mask.error(error);
    }
  };

  const report = async (credential: OpenedCredential, status: number): Promise<void> => {
    const { row, workspaceId } = credential;
    const isRefused = status === 401 || status === 403;
    if (!isRefused && (status >= 400 || row.health === 'healthy')) return;
    if (isRefused && row.health === 'failing') return;
    try {
      await store.inWorkspace(workspaceId, (tx) =>
        setCredentialHealth(
          tx,
          row.id,
          isRefused ? { health: 'failing', error: `The service answered ${status}.` } : { health: 'healthy' },
        ),
      );
    } catch (error) {
      // What a request gave counts more than what is noted about it.
      log.warn({ err: error, credentialId: row.id }, 'the health of a credential could not be stored');
    }
  };

  return {
    async send(credential, { input, init, isRedirected }) {
      const parts = partsOf(input, init);
      if (!mayGoTo(parts.url, credential.row.allowedHosts)) {
        if (!isRedirected) throw hostNotAllowed(credential.row.key, parts.url);
        return egress.fetch(parts.url.href, { ...parts.init, method: parts.method, headers: parts.headers, redirect: 'manual' });
      }
      let ready = hasTokens(credential) ? await tokens.fresh(credential) : credential;
      let response = await sendOnce(ready, parts);
      if (response.status === 401 && hasTokens(ready) && parts.isRepeatable) {
        // Taken back before its time. What was answered 401 was not done.
        await response.body?.cancel();
        ready = await tokens.fresh(ready, ready.content.tokens?.accessToken);
        response = await sendOnce(ready, parts);
      }
      await report(ready, response.status);
      return response;
    },
  };
}

function partsOf(input: string | URL | Request, init: RequestInit = {}): Parts {
  const request = input instanceof Request ? input : undefined;
  const body = init.body ?? request?.body ?? undefined;
  const { headers: _, method: __, ...rest } = init;
  return {
    method: (init.method ?? request?.method ?? 'GET').toUpperCase(),
    url: new URL(input instanceof Request ? input.url : input),
    headers: new Headers(init.headers ?? request?.headers),
    init: { ...rest, ...(body === undefined ? {} : { body }), ...(body instanceof ReadableStream ? ({ duplex: 'half' } as object) : {}) },
    isRepeatable: !(body instanceof ReadableStream),
  };
}

function withQuery(url: URL, query: Attachment['query']): string {
  if (!query) return url.href;
  const [name, value] = query;
  const address = new URL(url);
  // Only touched where it must be: services may sign or compare the text of an address.
  if (address.searchParams.has(name)) address.searchParams.delete(name);
  address.hash = '';
  const pair = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  address.search = address.search === '' ? pair : `${address.search}&${pair}`;
  return address.href;
}

async function bodyBytes(body: RequestInit['body']): Promise<Uint8Array> {
  if (body === undefined || body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of new Response(body).body ?? []) {
    size += chunk.byteLength;
    if (size > SIGNED_BYTES)
      throw new StepFailure('CREDENTIAL_BODY_TOO_LARGE', `A body that is signed has at most ${SIGNED_BYTES} bytes.`, { kind: 'input' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function masked(response: Response, url: URL, mask: ReturnType<typeof createSecretMask>): Response {
  const headers = new Headers();
  for (const [name, value] of response.headers) headers.append(name, mask.text(value));
  const body = NO_BODY.has(response.status) ? null : (response.body?.pipeThrough(mask.stream()) ?? null);
  const { status } = response;
  const isOrdinary = status >= 200 && status <= 599;
  const answer = new Response(body, { status: isOrdinary ? status : 200, statusText: mask.text(response.statusText), headers });
  // Services answer with numbers that no response may be made with.
  if (!isOrdinary) Object.defineProperties(answer, { status: { value: status }, ok: { value: false } });
  // Without what was added to it.
  Object.defineProperty(answer, 'url', { value: url.href });
  return answer;
}
