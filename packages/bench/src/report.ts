/** The tables people read. Plain text, one line per row; ratios, and no judgement. */
import type { FigureRow, Results, ThroughputRow } from './results.ts';
import { spread } from './statistics.ts';

const OURS = 'plugboard';

export function formatReport(results: Results, baseline?: Results): string {
  return [
    formatMachine(results),
    ...(results.throughput.length === 0 ? [] : [formatThroughput(results.throughput, baseline)]),
    ...(results.figures.length === 0 ? [] : [formatFigures(results.figures, baseline)]),
    ...(results.notes.length === 0 ? [] : [results.notes.map((note) => `- ${note}`).join('\n')]),
  ].join('\n\n');
}

function formatMachine({ machine, settings }: Results): string {
  const { cores, cpu, memoryBytes, system, node, postgres, fsyncMs } = machine;
  return [
    `${cores} cores (load generator included), ${cpu}, ${(memoryBytes / 1e9).toFixed(0)} GB, ${system}`,
    `node ${node}, PostgreSQL ${postgres}, 8 KB write + fdatasync ${fsyncMs.p50.toFixed(2)} ms (p99 ${fsyncMs.p99.toFixed(2)} ms)`,
    `${settings.rounds} rounds of ${settings.seconds} s; medians of the rounds`,
  ].join('\n');
}

function formatThroughput(rows: readonly ThroughputRow[], baseline: Results | undefined): string {
  const head = [
    'case',
    'conn',
    'server',
    'req/s',
    'spread',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'cpu us: server',
    'postgres',
    'load',
    'failed',
    'plugboard / this',
  ];
  const lines = rows.map((row) => {
    const ours = rows.find((other) => other.case === row.case && other.connections === row.connections && other.target === OURS);
    const earlier = baseline?.throughput.find(
      (other) => other.case === row.case && other.connections === row.connections && other.target === row.target,
    );
    return [
      row.case,
      String(row.connections),
      row.target,
      whole(row.perSecond.median),
      percent(spread(row.perSecond)),
      row.p50.toFixed(2),
      row.p95.toFixed(2),
      row.p99.toFixed(2),
      optional(row.cpuUs.server),
      optional(row.cpuUs.postgres),
      optional(row.cpuUs.load),
      String(row.failures),
      row.target === OURS ? '' : ratio(ours?.perSecond.median, row.perSecond.median),
      ...(baseline === undefined ? [] : [ratio(row.perSecond.median, earlier?.perSecond.median)]),
    ];
  });
  return table([...head, ...(baseline === undefined ? [] : ['this / baseline'])], lines, [0, 2]);
}

function formatFigures(rows: readonly FigureRow[], baseline: Results | undefined): string {
  const hasOthers = rows.some((row) => row.target !== OURS);
  const head = [
    'measure',
    'server',
    'median',
    'min',
    'max',
    'n',
    ...(hasOthers ? ['plugboard / this'] : []),
    ...(baseline === undefined ? [] : ['this / baseline']),
  ];
  const lines = rows.map((row) => {
    const ours = rows.find((other) => other.name === row.name && other.target === OURS);
    const earlier = baseline?.figures.find((other) => other.name === row.name && other.target === row.target);
    return [
      row.name,
      row.target,
      `${amount(row.value.median)} ${row.unit}`,
      amount(row.value.min),
      amount(row.value.max),
      String(row.value.count),
      ...(hasOthers ? [row.target === OURS ? '' : ratio(ours?.value.median, row.value.median)] : []),
      ...(baseline === undefined ? [] : [ratio(row.value.median, earlier?.value.median)]),
    ];
  });
  return table(head, lines, [0, 1]);
}

/** Columns named in `left` are words, the others numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[], left: readonly number[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (left.includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n');
}

function ratio(above: number | undefined, below: number | undefined): string {
  return above === undefined || below === undefined || below === 0 ? '-' : `${(above / below).toFixed(2)}x`;
}

const whole = (value: number): string =>
  Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ',');
const amount = (value: number): string => (value >= 100 ? whole(value) : value.toFixed(1));
const optional = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(0));
const percent = (share: number): string => `${(share * 100).toFixed(0)}%`;
