/** What the server tells by a code in the address after a sign-in at another service, in words. */

const REASONS: { readonly [reason: string]: string } = {
  disabled: 'This account may not sign in. Ask an operator of the server.',
  'belongs-to-another': 'That account is linked to somebody else here. Use another account, or unlink it there first.',
  'no-address': 'The service told no e-mail address. Ask its administrator to let this server see yours.',
  'not-verified': 'The service did not verify your e-mail address. Verify it there, then try again.',
  'other-domain': 'Addresses like yours may not sign in this way. Use the account of your company, or ask for an invitation.',
  'has-account': 'There is an account with your address. Sign in with its password, then link the other account on your account page.',
  'not-invited': 'You have no account here yet. Ask an admin of the workspace for an invitation.',
  'not-begun': 'This sign-in was not begun in this browser, took too long, or was used already. Begin again.',
};
const CODES: { readonly [code: string]: string } = {
  CONNECTION_INSECURE: 'Nobody can sign in over a connection that others could read. Use the https address of this server.',
  PROVIDER_FAILED: 'The service you sign in with did not answer as it should. Try again, or use your password.',
  NOT_FOUND: 'That way to sign in does not exist any more.',
};
const CREDENTIAL: { readonly [problem: string]: string } = {
  stateUnknown: 'This sign-in took too long or was used already. Begin again.',
  refused: 'The service refused the sign-in. Nothing was changed.',
  issuerWrong: 'Another service answered than the one that was asked. Nothing was changed.',
  notAllowed: 'You may not change this credential any more. Nothing was changed.',
  noToken: 'The service let you in and gave no tokens. Check client id, secret and addresses, then begin again.',
};

/** A name from an address may be one that every object has. */
function wordsOf(words: { readonly [name: string]: string }, name: unknown): string | undefined {
  return typeof name === 'string' && Object.hasOwn(words, name) ? words[name] : undefined;
}

/** Undefined where nothing went wrong. */
export function signInProblem(code: unknown, reason: unknown): string | undefined {
  if (typeof code !== 'string') return undefined;
  return wordsOf(REASONS, reason) ?? wordsOf(CODES, code) ?? 'The sign-in did not work. Begin again.';
}

/** The same for a credential that signs in at a service. */
export function credentialSignInProblem(problem: unknown): string | undefined {
  return typeof problem === 'string' ? (wordsOf(CREDENTIAL, problem) ?? 'The sign-in did not work. Begin again.') : undefined;
}
