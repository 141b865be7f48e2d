/** Why a credential cannot be used. Never holds anything secret. All but the service's own silence mean that nothing was sent. */
import { StepFailure } from '@plugboard/sdk';

/** What is stored does not make a usable credential; whoever may edit it corrects it. */
export function unusable(why: string): StepFailure {
  return new StepFailure('CREDENTIAL_UNUSABLE', `The credential cannot be used: ${why}.`, { kind: 'input' });
}

/** The definition names a key that no credential has, or it was deleted. */
export function missing(node: string, key: string, why = 'there is none with this key in its project'): StepFailure {
  return new StepFailure('CREDENTIAL_MISSING', `"${node}" uses the credential "${key}", and ${why}. Make one, or choose another.`, {
    kind: 'input',
  });
}

/** Nobody with the right to use it has allowed it. */
export function notAllowed(node: string, key: string, why: string): StepFailure {
  return new StepFailure('CREDENTIAL_USE_REQUIRED', `"${node}" uses the credential "${key}": ${why}.`, { kind: 'auth' });
}

export function hostNotAllowed(key: string, url: URL): StepFailure {
  return new StepFailure(
    'CREDENTIAL_HOST_NOT_ALLOWED',
    `The credential "${key}" may not go to ${url.protocol === 'http:' ? url.origin : url.host}. Nothing was sent. Add the host to the credential, or change the address.`,
    { kind: 'input' },
  );
}

/** The service does not give tokens any more; a person has to sign in again. */
export function signInNeeded(key: string): StepFailure {
  return new StepFailure('CREDENTIAL_SIGN_IN_NEEDED', `The credential "${key}" is not signed in any more. Open it and sign in again.`, {
    kind: 'auth',
  });
}

/** The service that gives tokens did not, or not now. */
export function tokenFailure(message: string, isForNow: boolean): StepFailure {
  return new StepFailure('CREDENTIAL_TOKEN_FAILED', message, { kind: isForNow ? 'unavailable' : 'auth' });
}
