/**
 * What every plugin must hold to, as a list of checks for any test runner.
 * @example test.each(contractSuite(plugin))('$title', ({ run }) => run());
 */
import { execFile } from 'node:child_process';
import { AssertionError, deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { promisify } from 'node:util';
import { coerceParams, describePlugin, descriptionText, paramsToJsonSchema } from '@plugboard/sdk';
import type { JsonObject, NodeTypeIR, ParamIR, ParamsIR, Plugin } from '@plugboard/sdk';
import { harness } from './harness.ts';
import type { Harness, HarnessRun } from './harness.ts';

export interface ContractCheck {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** A node type at work: it must succeed, over both transports alike. */
export interface ContractSample {
  /** The node type's id. */
  readonly node: string;
  /** Completes a harness of that type, with everything but `run`. */
  readonly given: (harness: Harness) => Harness;
  /** True for a sample that shows a failure. @default false */
  readonly fails?: boolean;
}

export interface ContractOptions {
  /** Address of the module that exports the plugin, as `import.meta.resolve` gives it. Enables the check that importing it does nothing. */
  readonly entry?: string | URL;
  readonly samples?: readonly ContractSample[];
  /** Parameters as an older version stored them, by type and the version they start from, to run migrations on. */
  readonly migrations?: readonly { readonly node: string; readonly from: number; readonly params: JsonObject }[];
}

export function contractSuite(plugin: Plugin, { entry, samples = [], migrations = [] }: ContractOptions = {}): readonly ContractCheck[] {
  return [
    check('the description is valid, stable, and nothing but JSON', () => {
      const text = descriptionText(describePlugin(plugin));
      strictEqual(descriptionText(describePlugin(plugin)), text);
      deepStrictEqual(JSON.parse(JSON.stringify(describePlugin(plugin))), describePlugin(plugin));
    }),
    check('every parameter a person fills in has a title', () => {
      const untitled = describePlugin(plugin).types.flatMap((type) => untitledParams(`${type.type} v${type.version}`, type.params));
      deepStrictEqual(untitled, []);
    }),
    check('every type has a JSON Schema', () => {
      for (const type of describePlugin(plugin).types) ok(JSON.stringify(paramsToJsonSchema(type.params)).length > 0);
    }),
    ...(entry === undefined ? [] : [check('importing the plugin reaches nothing outside', () => importsQuietly(entry))]),
    ...migrations.map((one) =>
      check(`${one.node}: the migration from version ${one.from} is pure and its result fits`, () => migrates(plugin, one)),
    ),
    ...samples.map((sample) => check(`${sample.node} gives the same over both transports`, () => sameOverBoth(plugin, sample))),
  ];
}

function check(title: string, run: () => void | Promise<void>): ContractCheck {
  return { title, run: async () => run() };
}

function untitledParams(path: string, params: ParamsIR): readonly string[] {
  return Object.entries(params).flatMap(([name, ir]) => {
    const at = `${path}.${name}`;
    return [
      ...(ir.title === undefined || ir.title.trim() === '' ? [at] : []),
      ...innerParams(ir).flatMap((inner) => untitledParams(at, inner)),
    ];
  });
}

function innerParams(ir: ParamIR): readonly ParamsIR[] {
  if (ir.kind === 'object') return [ir.fields];
  if (ir.kind === 'variant') return Object.values(ir.variants);
  return ir.kind === 'list' || ir.kind === 'map' ? innerParams(ir.of) : [];
}

function migrates(plugin: Plugin, { node: id, from, params }: NonNullable<ContractOptions['migrations']>[number]): void {
  const migrate = plugin.nodes.find((node) => node.id === id && node.migrate?.[from] !== undefined)?.migrate?.[from];
  if (migrate === undefined) throw new AssertionError({ message: `${plugin.id} has no node ${id} with a migration from version ${from}.` });
  const before = JSON.stringify(params);
  const first = migrate(params);
  strictEqual(JSON.stringify(params), before, 'The migration changes the parameters it is given; it must make new ones.');
  deepStrictEqual(migrate(params), first, 'The migration gives another result the second time.');
  const type = describePlugin(plugin).types.find((one): one is NodeTypeIR => one.type === `${plugin.id}/${id}` && one.version === from + 1);
  if (type !== undefined) ok(coerceParams(type.params, first).ok, JSON.stringify(coerceParams(type.params, first)));
}

async function sameOverBoth(plugin: Plugin, { node, given, fails = false }: ContractSample): Promise<void> {
  const wired = await given(harness(plugin, node)).run({ transport: 'loopback' });
  const direct = await given(harness(plugin, node)).run({ transport: 'in-process' });
  deepStrictEqual(comparable(direct), comparable(wired));
  const [failure] = wired.errors;
  if (failure !== undefined && !fails)
    throw new AssertionError({ message: `The sample fails: ${failure.error.code}: ${failure.error.message}` });
  if (failure === undefined && fails) throw new AssertionError({ message: 'The sample should fail and does not.' });
}

/** Stacks and clocks differ from run to run; everything else must not. */
function comparable({ ports, from, errors, logs, requests }: HarnessRun): unknown {
  return JSON.parse(
    JSON.stringify({
      ports,
      from,
      errors: errors.map(({ i, error: { stack: _, cause: __, ...error }, isUnknown }) => ({ i, error, isUnknown })),
      logs: logs.map(({ level, message, i }) => ({ level, message, i })),
      requests,
    }),
  );
}

/** Imports the module in a process that may read files and nothing else, with an empty environment. */
async function importsQuietly(entry: string | URL): Promise<void> {
  const url = String(entry);
  const conditions = url.endsWith('.ts') ? ['--conditions=development'] : [];
  const script = `await import(${JSON.stringify(url)}); process.stdout.write('imported');`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--permission', '--allow-fs-read=*', ...conditions, '--input-type=module', '--eval', script],
    { env: {}, timeout: 120_000 },
  );
  strictEqual(stdout, 'imported', `importing ${url} wrote to the output`);
}
