import { expect, test } from 'vitest';
import { credentialSignInProblem, signInProblem } from './sign-in-words.ts';

test('a sign-in that worked says nothing', () => {
  expect(signInProblem(undefined, undefined)).toBeUndefined();
  expect(credentialSignInProblem(undefined)).toBeUndefined();
});

test.each([
  ['SIGN_IN_FAILED', 'not-invited', /no account here yet/],
  ['PROVIDER_FAILED', undefined, /did not answer/],
  ['SOMETHING_NEW', 'unheard-of', /Begin again/],
  ['__proto__', 'constructor', /./],
])('the code %s with %s is put into words', (code, reason, words) => {
  expect(signInProblem(code, reason)).toMatch(words);
});

test('an address cannot put words of its own onto the page', () => {
  expect(signInProblem('<b>Call this number</b>', 'Call this number')).not.toContain('Call');
  expect(credentialSignInProblem('Call this number')).not.toContain('Call');
});
