/** What counts for a workflow, as people read it: how its runs repeat, which begin when, what is kept. */
import type { Json } from '@plugboard/sdk';
import { formatCount, formatDuration } from './format.ts';
import { settingWords } from './setting-words.ts';

type Words = (value: Json) => string | undefined;

/** Settings that a workflow's own definition has. */
const OF_WORKFLOW: { readonly [key: string]: Words } = {
  keepData: wordsFor({ all: 'all of it', failures: 'of runs that failed', none: 'none of it' }),
  errorOn: wordsFor({ failures: 'runs that failed', all: 'cancelled runs too' }),
  errorWorkflow: (value) => (value === null ? 'that of the workspace' : undefined),
  keepRuns: (value) => (value === null ? 'as long as the workspace keeps them' : partsOf(value, { days: 'day', count: 'newest run' })),
  repeat: (value) => (value === null ? 'it runs once' : repeatWords(value)),
  flow: (value) => (value === null ? 'each begins at once' : flowWords(value)),
  budget: (value) => (value === null ? 'as the workspace says' : budgetWords(value)),
};

/** What counts for a workflow, by the key of its definition or of a setting above it. */
export function workflowSettingWords(key: string, value: Json): string {
  return OF_WORKFLOW[key]?.(value) ?? settingWords({ key, form: { kind: 'json' } }, value);
}

function wordsFor(words: { readonly [value: string]: string }): Words {
  return (value) => (typeof value === 'string' ? words[value] : undefined);
}

type Fields = { readonly [field: string]: Json };
const fieldsOf = (value: Json): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const numberOf = (value: Json | undefined): number | undefined => (typeof value === 'number' ? value : undefined);

function partsOf(value: Json, names: { readonly [field: string]: string }): string {
  return Object.entries(fieldsOf(value))
    .flatMap(([field, amount]) => (typeof amount === 'number' && names[field] !== undefined ? formatCount(amount, names[field]) : []))
    .join(', ');
}

function repeatWords(value: Json): string {
  const { delayMs, times, forMs, onFailure } = fieldsOf(value);
  const [delay, most, longest] = [numberOf(delayMs), numberOf(times), numberOf(forMs)];
  return [
    delay ? `again after ${formatDuration(delay)}` : 'again at once',
    most !== undefined && `at most ${formatCount(most, 'run')}`,
    longest !== undefined && `for ${formatDuration(longest)}`,
    onFailure === 'go-on' && 'also after a failure',
  ]
    .filter(Boolean)
    .join(', ');
}

function budgetWords(value: Json): string {
  const { warn, stop } = fieldsOf(value);
  const [told, most] = [numberOf(warn), numberOf(stop)];
  return [told !== undefined && `told of at $${told}`, most !== undefined && `no more than $${most}`].filter(Boolean).join(', ');
}

function flowWords(value: Json): string {
  const flow = fieldsOf(value);
  const part = (name: string): Fields => fieldsOf(flow[name] ?? null);
  const per = (fields: Fields): string => (typeof fields['key'] === 'string' ? ' of a key' : '');
  const amount = (fields: Fields, name: string): string => (numberOf(fields[name]) ?? 0).toLocaleString('en');
  const span = (fields: Fields, name: string): string => formatDuration(numberOf(fields[name]) ?? 0);
  const says: { readonly [name: string]: (fields: Fields) => string } = {
    concurrency: (fields) => `at most ${amount(fields, 'limit')} at work${per(fields)}`,
    throttle: (fields) => `at most ${amount(fields, 'limit')} in ${span(fields, 'periodMs')}${per(fields)}`,
    debounce: (fields) => `after ${span(fields, 'delayMs')} without another${per(fields)}`,
    batch: (fields) => `${amount(fields, 'size')} starts as one run${per(fields)}, or after ${span(fields, 'waitMs')}`,
    singleton: (fields) => `one at a time${per(fields)}`,
  };
  const said = Object.keys(says).flatMap((name) => (flow[name] === undefined ? [] : (says[name]?.(part(name)) ?? [])));
  return [...said, ...(flow['priority'] === undefined ? [] : ['with a priority'])].join(', ');
}
