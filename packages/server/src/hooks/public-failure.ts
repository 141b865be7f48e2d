/**
 * What an anonymous caller hears of a run that failed: the error's code and one fixed sentence for it. The step's own words may name
 * addresses, parameters or data of others; they are in the run's record, for those who may look into it.
 */
import type { EndedRun } from '@plugboard/runner';

export interface PublicFailure {
  readonly code: string;
  readonly message: string;
}

/** Written by the author of the workflow for whoever calls it. */
const SPOKEN_BY_THE_AUTHOR = 'STOPPED_BY_WORKFLOW';

const SENTENCES: { readonly [code: string]: string } = {
  CANCELLED: 'The run was cancelled.',
  TIMED_OUT: 'The run took longer than its workflow allows.',
  RUN_TIMEOUT: 'The run took longer than its workflow allows.',
  STEP_TIMEOUT: 'A step of the workflow took longer than it may.',
  EGRESS_DENIED: 'The workflow calls an address that this server does not let it reach.',
  HTTP_TIMEOUT: 'A service that the workflow calls did not answer in time.',
  CREDENTIAL_MISSING: 'A credential of the workflow is missing.',
  OUTPUT_TOO_LARGE: 'A step of the workflow gave more data than a step may.',
  RUN_TOO_LARGE: 'The run holds more data than a run may.',
  TOO_MANY_ITEMS: 'A step of the workflow gave more items than a step may.',
  JOURNAL_REFUSED: 'What the run produced could not be stored, so it failed.',
  RUNNER_FAILED: 'The server failed on this run.',
  RUN_MOVED: 'The run is stored and goes on in another process.',
  SERVER_STOPPING: 'The server is stopping. The run is stored and goes on at the next start.',
  FILE_MISSING: 'The file the workflow answers with is not there any more.',
  NOT_CONFIRMED: 'The run could not be stored in time. It may have been started: ask for it by its id before sending the request again.',
};

/** The first that fits counts. */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^HTTP_\d{3}$/, 'A service that the workflow calls answered with an error.'],
  [/^(HOST|CONNECTION|TLS|DNS|NETWORK)_|^TOO_MANY_REDIRECTS$/, 'A service that the workflow calls could not be reached.'],
  [/^(RESPONSE|ANSWER|PAGE|PAGES)_/, 'A service that the workflow calls gave an answer that cannot be used.'],
  [/^EXPR_/, 'An expression of the workflow does not fit the data of this run.'],
  [/^CODE_/, 'A code step of the workflow failed.'],
  [
    /^(CSV|JSON|XML|HTML|MARKDOWN|FIELD|BODY|TEXT|SORT|KEYS|NOT_JSON)(_|$)/,
    'The data does not have the form that a step of the workflow needs.',
  ],
];

const ANYTHING_ELSE = 'The run failed at one of its steps.';
/** Codes are words for programs; what does not look like one came from somewhere it should not have. */
const CODE = /^[A-Z][A-Z0-9_]{1,63}$/;

export function publicFailure(code: string): PublicFailure {
  if (!CODE.test(code)) return { code: 'RUN_FAILED', message: ANYTHING_ELSE };
  const family = FAMILIES.find(([pattern]) => pattern.test(code));
  return { code, message: (Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : undefined) ?? family?.[1] ?? ANYTHING_ELSE };
}

/** Of a run that ended and did not succeed. */
export function failureOf(run: EndedRun): PublicFailure {
  const code = run.error?.code ?? run.status.toUpperCase();
  if (code === SPOKEN_BY_THE_AUTHOR && run.error) return { code, message: run.error.message };
  return publicFailure(code);
}
