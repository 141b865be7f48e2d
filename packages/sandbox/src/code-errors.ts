/** The failures of a code step, as the engine sees them. Each says what to do. */
import type { StepError } from '@plugboard/sdk';

import type { CodeLimits, CodeResult } from './code-job.ts';

const megabyte = 1024 * 1024;

export function codeTimeout(limits: CodeLimits): StepError {
  return {
    code: 'CODE_TIMEOUT',
    kind: 'timeout',
    message: `The code ran longer than ${limits.timeMs} ms. Give it less to do at once, or look for a loop that does not end.`,
  };
}

export function codeMemory(limits: CodeLimits): StepError {
  return {
    code: 'CODE_MEMORY',
    kind: 'input',
    message: `The code needed more than its ${Math.ceil(limits.memoryBytes / megabyte)} MiB of memory. Work on fewer items at once, or keep less of them.`,
  };
}

export function outputTooLarge(limits: CodeLimits): StepError {
  return {
    code: 'CODE_OUTPUT_TOO_LARGE',
    kind: 'input',
    message: `The code returned more than ${limits.outputBytes} bytes of JSON. Return less, or store large data as a file.`,
  };
}

export function tooManyItems(limits: CodeLimits): StepError {
  return {
    code: 'CODE_TOO_MANY_ITEMS',
    kind: 'input',
    message: `The code returned more than ${limits.items} items. Return fewer, or put many records into one item as a list.`,
  };
}

export function tooComplex(what: 'values' | 'members', max: number): StepError {
  const text = what === 'values' ? `more than ${max} values, the inner ones included` : `an object with more than ${max} members`;
  return {
    code: 'CODE_OUTPUT_TOO_LARGE',
    kind: 'input',
    message: `The code returned ${text}. Return less, or store large data as a file.`,
  };
}

export function codeSyntax(message: string, line: number | undefined): StepError {
  return {
    code: 'CODE_SYNTAX',
    kind: 'input',
    message: `The code cannot be read: ${message}`,
    ...(line === undefined ? {} : { data: { line } }),
  };
}

export function codeThrew(message: string, data: { [place in 'line' | 'column']?: number }): StepError {
  return { code: 'CODE_THREW', kind: 'bug', message: cut(message), ...(data.line === undefined ? {} : { data }) };
}

export function codeUnusable(code: string, message: string): StepError {
  return { code, kind: code === 'CODE_NEVER_SETTLED' ? 'bug' : 'input', message: cut(message) };
}

/** The child died under this job, or answered with something that is no answer. */
export function codeCrashed(detail: string): StepError {
  return {
    code: 'CODE_CRASHED',
    kind: 'unavailable',
    message: cut(`The process that ran the code ended unexpectedly (${detail}). Nothing of the result was kept.`),
  };
}

export function codeCancelled(why: string): StepError {
  return { code: 'CODE_CANCELLED', kind: 'cancelled', message: why };
}

/** No child can be started; nothing ran. */
export function sandboxUnavailable(detail: string): StepError {
  return { code: 'CODE_SANDBOX_UNAVAILABLE', kind: 'unavailable', message: cut(`No sandbox process could be started: ${detail}`) };
}

export function failed(error: StepError, logs: CodeResult['logs'] = []): CodeResult {
  return { logs, outcome: { ok: false, error } };
}

function cut(text: string): string {
  return text.length > 2000 ? `${text.slice(0, 1999)}…` : text;
}
