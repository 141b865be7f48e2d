/** The reference of all node types as Markdown, made from the plugin's description. */
import { type Condition, type Json, type ParamIR, type ParamsIR, type PluginIR, type TypeIR } from '@plugboard/sdk';

export function referenceTable(ir: PluginIR): string {
  const groups = Map.groupBy(ir.types.toSorted(byGroup), (type) => type.group);
  const overview = [...groups].flatMap(([group, types]) =>
    types.map((type) => `| ${group} | [${type.title}](#${anchor(type)}) | \`${type.type}\` | ${cell(type.help)} |`),
  );
  const sections = [...groups].flatMap(([, types]) => types.map(section));
  return ['| group | node | type | what it does |', '| --- | --- | --- | --- |', ...overview, '', ...sections].join('\n');
}

const GROUPS = ['Triggers', 'Data', 'Flow', 'Formats', 'Files', 'Code', 'Network'];

function byGroup(a: TypeIR, b: TypeIR): number {
  return GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group);
}

function anchor(type: TypeIR): string {
  return type.type.replaceAll(/[^a-z0-9-]/g, '');
}

function section(type: TypeIR): string {
  const rows = paramRows('', type.params);
  const table = rows.length === 0 ? [] : ['', '| parameter | value | default | meaning |', '| --- | --- | --- | --- |', ...rows];
  return [`### ${type.type}`, '', facts(type), ...table, ''].join('\n');
}

function facts(type: TypeIR): string {
  const parts =
    type.kind === 'trigger'
      ? ['Starts runs.']
      : [type.per === 'item' ? 'Works on each item.' : 'Works on all items at once.', effects(type)];
  if (type.kind === 'node' && type.runsOnEmpty === true) parts.push('Runs without items too.');
  parts.push(inputs(type), outputs(type));
  return parts.filter((part) => part !== '').join(' ');
}

function effects(type: Extract<TypeIR, { kind: 'node' }>): string {
  const once = { none: '', read: 'Reads from outside.', write: 'Changes something outside.' };
  if (typeof type.effects === 'string') return once[type.effects];
  const { by, cases } = type.effects;
  const reads = Object.entries(cases).filter(([, effect]) => effect === 'read');
  const otherwise = { none: 'stays inside', read: 'reads from outside', write: 'changes something there' }[type.effects.else];
  if (reads.length > 0) return `Reads from outside when \`${by}\` is ${reads.map(([value]) => value).join(', ')}; else ${otherwise}.`;
  return `Stays inside when \`${by}\` is ${Object.keys(cases).join(', ')}; else ${otherwise}.`;
}

function inputs(type: TypeIR): string {
  const ids = (type.ports.inputs ?? []).map((port) => `\`${port.id}\``);
  return ids.length === 0 ? '' : `Inputs: ${ids.join(', ')}.`;
}

function outputs(type: TypeIR): string {
  const ids = (type.ports.outputs ?? []).map((port) => `\`${port.id}\``);
  const dynamic = type.ports.dynamicOutputs;
  if (dynamic !== undefined) {
    ids.push(`one for each \`${dynamic.param}[].${dynamic.field}\``);
    if (dynamic.fallback !== undefined) ids.push(`\`${dynamic.fallback.port}\` while \`${dynamic.fallback.param}\` is true`);
  }
  return ids.length === 0 ? '' : `Outputs: ${ids.join(', ')}.`;
}

function paramRows(prefix: string, params: ParamsIR): readonly string[] {
  return Object.entries(params).flatMap(([name, ir]) => {
    const fields = innerFields(ir);
    const row = `| \`${prefix}${name}\` | ${valueText(ir)} | ${ir.required === true ? 'required' : defaultText(ir.default)} | ${meaning(ir)} |`;
    return [row, ...(fields === undefined ? [] : paramRows(`${prefix}${name}[].`, fields))];
  });
}

function innerFields(ir: ParamIR): ParamsIR | undefined {
  return ir.kind === 'list' && ir.of.kind === 'object' ? ir.of.fields : undefined;
}

function valueText(ir: ParamIR): string {
  switch (ir.kind) {
    case 'choice':
      return ir.options.map(({ value }) => `\`${value}\``).join(', ');
    case 'list':
      return `list of ${ir.of.kind}`;
    case 'map':
      return ir.of.kind === 'choice' ? `map to ${valueText(ir.of)}` : `map to ${ir.of.kind}`;
    case 'conditions':
      return 'true, false or a question';
    case 'number':
      return `number${range(ir.min, ir.max)}`;
    default:
      return ir.kind;
  }
}

function range(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return '';
  return max === undefined ? `, ${min} or more` : `, ${min} to ${max}`;
}

function defaultText(value: Json | undefined): string {
  return value === undefined ? '' : `\`${JSON.stringify(value)}\``;
}

function meaning(ir: ParamIR): string {
  const options =
    ir.kind === 'choice' ? ir.options.filter(({ help }) => help !== undefined).map(({ value, help }) => `\`${value}\`: ${help}`) : [];
  const when = ir.when === undefined ? '' : `Only when ${conditionText(ir.when)}.`;
  const literal = ir.expr === 'deny' && ir.kind !== 'code' ? 'No expression.' : '';
  return cell([`**${ir.title}.**`, ir.help ?? '', ...options, when, literal].filter((part) => part !== '').join(' '));
}

function conditionText(condition: Condition): string {
  if ('all' in condition) return condition.all.map(conditionText).join(' and ');
  if ('any' in condition) return condition.any.map(conditionText).join(' or ');
  if ('not' in condition) return conditionText(condition.not).replace(' is ', ' is not ');
  const values = (Array.isArray(condition.value) ? condition.value : [condition.value])
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    .join(' or ');
  return `\`${condition.param}\` is ${condition.op === 'ne' ? 'not ' : ''}${values}`;
}

/** Text that stands in one cell of a table. */
function cell(text: string | undefined): string {
  return (text ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}
