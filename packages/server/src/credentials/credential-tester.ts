/** The test button: asks the service, or the one that gives tokens, and notes what it said. */
import { X509Certificate } from 'node:crypto';
import { setCredentialHealth } from '@plugboard/persistence';
import { StepFailure } from '@plugboard/sdk';
import { hasTokens, whyUnusable } from './attach.ts';
import type { CredentialSender } from './credential-sender.ts';
import type { CredentialStore, OpenedCredential } from './credential-store.ts';
import type { TokenKeeper } from './token-keeper.ts';
import { pick } from './token-endpoint.ts';

export interface TestResult {
  readonly isTested: boolean;
  readonly isOk: boolean;
  readonly text: string;
}

export interface CredentialTester {
  test(credential: OpenedCredential): Promise<TestResult>;
}

/** How long the service may take, in milliseconds. */
const TIMEOUT_MS = 15_000;

export interface CredentialTesterOptions {
  readonly store: CredentialStore;
  readonly sender: CredentialSender;
  readonly tokens: TokenKeeper;
  readonly now: () => number;
}

export function createCredentialTester({ store, sender, tokens, now }: CredentialTesterOptions): CredentialTester {
  const look = async (credential: OpenedCredential): Promise<TestResult> => {
    const { type, values } = credential;
    const ready = hasTokens(credential) ? await tokens.fresh(credential) : credential;
    const address = pick(values, type.test?.urlField, type.test?.url);
    if (address !== '') {
      const init = { method: 'GET', signal: AbortSignal.timeout(TIMEOUT_MS) };
      const answer = await sender.send(ready, { input: address, init, isRedirected: false });
      await answer.body?.cancel();
      const isRefused = answer.status === 401 || answer.status === 403;
      const isOk = answer.status < 500 && !isRefused;
      return {
        isTested: true,
        isOk,
        text: isOk
          ? `The service answered ${answer.status}.`
          : `The service answered ${answer.status}${isRefused ? ': it refused the credential' : ''}.`,
      };
    }
    if (hasTokens(credential)) return { isTested: true, isOk: true, text: 'The service gives tokens for it.' };
    const wrong = await whyUnusable({ ...ready, id: credential.row.id }, now());
    if (wrong !== undefined) return { isTested: true, isOk: false, text: wrong };
    const certificate = type.auth?.scheme === 'mtls' ? pick(values, type.auth.certificateField) : '';
    if (certificate !== '' && new X509Certificate(certificate).validToDate.getTime() < now())
      return { isTested: true, isOk: false, text: 'Its certificate has run out.' };
    return { isTested: false, isOk: true, text: 'It can be used. Give it an address to test with, and the test asks the service.' };
  };

  return {
    async test(credential) {
      const { workspaceId, row } = credential;
      let result: TestResult;
      try {
        result = await look(credential);
      } catch (error) {
        result = { isTested: true, isOk: false, text: textOf(error) };
        // Whoever keeps tokens has noted that it must sign in again.
        if (error instanceof StepFailure && error.code === 'CREDENTIAL_SIGN_IN_NEEDED') {
          await store.inWorkspace(workspaceId, (tx) => setCredentialHealth(tx, row.id, { health: 'signed_out', error: error.message }));
          return result;
        }
      }
      if (result.isTested) {
        const health = result.isOk ? ({ health: 'healthy' } as const) : ({ health: 'failing', error: result.text } as const);
        await store.inWorkspace(workspaceId, (tx) => setCredentialHealth(tx, row.id, health));
      }
      return result;
    },
  };
}

function textOf(error: unknown): string {
  if (error instanceof StepFailure) return error.message;
  if (error instanceof Error && error.name === 'TimeoutError') return 'The service did not answer in time.';
  let one = error;
  for (let depth = 0; depth < 5 && one instanceof Error && one.cause instanceof Error; depth += 1) one = one.cause;
  return `The service could not be asked: ${one instanceof Error ? one.message : 'the connection failed'}.`;
}
