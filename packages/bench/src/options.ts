/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { CASE_IDS } from './cases.ts';
import { MAX_CONNECTIONS } from './load.ts';

export interface BenchOptions {
  /** Length of a round of throughput. @default 3 */
  readonly seconds: number;
  /** Length of the warm-up before each cell. @default 1 */
  readonly warmupSeconds: number;
  /** Rounds per cell. @default 3 */
  readonly rounds: number;
  /** Starts per way of starting. @default 5 */
  readonly starts: number;
  /** @default [1, 10, 50] */
  readonly connections: readonly number[];
  /** @default all */
  readonly cases: readonly string[];
  readonly against: Against | undefined;
  /** Whether the floor is measured beside echo. @default true */
  readonly floor: boolean;
  /** Open sockets of the case `live`. @default 10000 */
  readonly sockets: number;
  readonly json: string | undefined;
  readonly baseline: string | undefined;
}

export interface Against {
  readonly url: string;
  /** @default host and port */
  readonly name: string;
  /** Path by case, where it differs from ours. */
  readonly paths: ReadonlyMap<string, string>;
  /** Process whose CPU time is counted, with its children. */
  readonly pid: number | undefined;
}

/** Thrown for a command line that cannot be carried out; the message lists everything wrong with it. */
export class UsageError extends Error {
  readonly code = 'USAGE';
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'UsageError';
  }
}

export const USAGE = `Measures the built server, and another one by URL in the same run. Prints a table; never passes or fails.

  --cases LIST          of ${CASE_IDS.join(', ')}; default all
  --connections LIST    default 1,10,50
  --seconds N           length of a round, default 3
  --rounds N            rounds per cell, default 3; the servers take turns
  --warmup N            seconds before each cell, default 1
  --starts N            starts per way of starting, default 5
  --sockets N           open sockets of the case live, default 10000; ulimit -n must allow them
  --no-floor            leave out the floor (node:http that stores nothing)
  --against URL         another server on this machine, with the same replies
  --against-name NAME   what the table calls it
  --against-path C=/P   its path for case C, where it differs; repeatable
  --against-pid PID     count the CPU time of this process and its children
  --json FILE           write the numbers
  --baseline FILE       compare with numbers written earlier
`;

const MAX_SOCKETS = 19_000;
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Undefined when help was asked for. @throws UsageError */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const problems: string[] = [];
  const number = (name: string, text: string | undefined, fallback: number, min: number, max: number): number => {
    const value = text === undefined ? fallback : Number(text);
    if (text?.trim() === '' || !(value >= min && value <= max))
      problems.push(`--${name} is ${text}; expected a number from ${min} to ${max}`);
    return value;
  };
  const whole = (name: string, text: string | undefined, fallback: number, max: number): number => {
    const value = number(name, text, fallback, 1, max);
    if (value >= 1 && !Number.isInteger(value)) problems.push(`--${name} is ${text}; expected a whole number`);
    return value;
  };
  const cases = given.cases === undefined ? CASE_IDS : listOf(given.cases);
  for (const id of cases)
    if (!CASE_IDS.includes(id)) problems.push(`--cases: there is no ${JSON.stringify(id)}; there are ${CASE_IDS.join(', ')}`);
  if (cases.length === 0) problems.push('--cases names none');
  const options: BenchOptions = {
    seconds: number('seconds', given.seconds, 3, 0.1, 120),
    warmupSeconds: number('warmup', given.warmup, 1, 0, 30),
    rounds: whole('rounds', given.rounds, 3, 50),
    starts: whole('starts', given.starts, 5, 50),
    connections: listOf(given.connections ?? '1,10,50').map((text) => whole('connections', text, 1, MAX_CONNECTIONS)),
    cases,
    against: againstOf(given, problems),
    floor: given['no-floor'] !== true,
    sockets: whole('sockets', given.sockets, 10_000, MAX_SOCKETS),
    json: given.json,
    baseline: given.baseline,
  };
  if (options.connections.length === 0) problems.push('--connections names none');
  if (problems.length > 0) throw new UsageError(problems);
  return options;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h' },
        cases: { type: 'string' },
        connections: { type: 'string' },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        warmup: { type: 'string' },
        starts: { type: 'string' },
        'no-floor': { type: 'boolean' },
        sockets: { type: 'string' },
        against: { type: 'string' },
        'against-name': { type: 'string' },
        'against-path': { type: 'string', multiple: true },
        'against-pid': { type: 'string' },
        json: { type: 'string' },
        baseline: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageError([error instanceof Error ? error.message : String(error)]);
  }
}

function againstOf(given: ReturnType<typeof parse>, problems: string[]): Against | undefined {
  if (given.against === undefined) {
    for (const name of ['against-name', 'against-path', 'against-pid'] as const)
      if (given[name] !== undefined) problems.push(`--${name} needs --against`);
    return undefined;
  }
  const url = URL.canParse(given.against) ? new URL(given.against) : undefined;
  if (url?.protocol !== 'http:' || !LOOPBACK.has(url.hostname))
    problems.push(`--against is ${given.against}; expected http:// and this machine: load goes to loopback only`);
  const paths = new Map<string, string>();
  for (const pair of given['against-path'] ?? []) {
    const [id = '', path = ''] = pair.split(/=(.*)/s);
    if (CASE_IDS.includes(id) && path.startsWith('/')) paths.set(id, path);
    else problems.push(`--against-path is ${pair}; expected a case and its path, such as echo=/echo`);
  }
  const pid = given['against-pid'] === undefined ? undefined : Number(given['against-pid']);
  if (pid !== undefined && !(Number.isInteger(pid) && pid > 0))
    problems.push(`--against-pid is ${given['against-pid']}; expected a process id`);
  return { url: url?.origin ?? '', name: given['against-name'] ?? url?.host ?? '', paths, pid };
}

function listOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  ];
}
