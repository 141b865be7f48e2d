import { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { allNamed, byName } from '../named-workflows.ts';
import { connect } from '../server-client.ts';
import { age, table } from '../table.ts';

interface VersionLine {
  readonly number: number;
  readonly publishedAt: string;
  readonly publishedBy: { readonly name: string };
  readonly note?: string;
  readonly isLive: boolean;
}

interface Deployment {
  readonly state: string;
  readonly version?: number;
  readonly isChanged: boolean;
}

interface PartsDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly {
    readonly id: string;
    readonly renamed?: { readonly from: string; readonly to: string };
    readonly changes: readonly FieldChange[];
    readonly isMoved: boolean;
  }[];
}

interface FieldChange {
  readonly path: readonly string[];
  readonly before?: unknown;
  readonly after?: unknown;
}

interface Diff {
  readonly isEqual: boolean;
  readonly nodes: PartsDiff;
  readonly edges: PartsDiff;
  readonly groups: PartsDiff;
  readonly notes: PartsDiff;
  readonly workflow: readonly FieldChange[];
}

/** `plugboard workflows …`: what there is, what was published, and what is in service. */
export function workflowsCommand(): Command {
  const workflows = new Command('workflows').description('list workflows, their versions, and put them in or out of service');
  workflows
    .command('list', { isDefault: true })
    .description('list workflows')
    .option('--search <text>', 'part of the name')
    .option('--json', 'print JSON')
    .action(async (options: { search?: string; json?: boolean }, command: Command) => {
      const found = await allNamed(connect(command), options.search);
      if (options.json) return void process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      if (found.length === 0) return void process.stdout.write('no workflows\n');
      const rows = found.map((one) => [one.name, age(one.updatedAt), one.description.split('\n', 1)[0] ?? '']);
      process.stdout.write(table(['name', 'changed', 'description'], rows));
    });
  workflows
    .command('show')
    .description('show how a workflow stands')
    .argument('<name>')
    .option('--json', 'print JSON')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const server = connect(command);
      const { id } = await byName(server, name);
      const [draft, deployment] = await Promise.all([
        server.get<{ rev: number; savedAt: string; savedBy: { name: string }; holder?: { person: { name: string } } }>(
          `/api/workflows/${id}/draft`,
        ),
        server.get<Deployment>(`/api/workflows/${id}/deployment`),
      ]);
      if (options.json) return void process.stdout.write(`${JSON.stringify({ id, name, draft, deployment }, null, 2)}\n`);
      const lines = [
        `${name} (${id})`,
        stateText(deployment),
        `draft at revision ${draft.rev}, saved ${age(draft.savedAt)} by ${draft.savedBy.name}`,
      ];
      if (draft.holder) lines.push(`${draft.holder.person.name} is editing it`);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
  workflows
    .command('versions')
    .description('list what was published, newest first')
    .argument('<name>')
    .option('--json', 'print JSON')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const server = connect(command);
      const { id } = await byName(server, name);
      const { rows } = await server.get<{ rows: readonly VersionLine[] }>(`/api/workflows/${id}/versions?first=100`);
      if (options.json) return void process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      if (rows.length === 0) return void process.stdout.write(`"${name}" was never published\n`);
      const lines = rows.map((row) => [
        `${row.number}${row.isLive ? ' live' : ''}`,
        age(row.publishedAt),
        row.publishedBy.name,
        row.note ?? '',
      ]);
      process.stdout.write(table(['version', 'published', 'by', 'note'], lines));
    });
  workflows
    .command('diff')
    .description('show what differs between two versions, or a version and the draft')
    .argument('<name>')
    .argument('[from]', 'a version, live or draft', 'live')
    .argument('[to]', 'a version, live or draft', 'draft')
    .option('--json', 'print JSON')
    .action(async (name: string, from: string, to: string, options: { json?: boolean }, command: Command) => {
      const server = connect(command);
      const { id } = await byName(server, name);
      const diff = await server.get<Diff>(`/api/workflows/${id}/diff?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`);
      process.stdout.write(options.json ? `${JSON.stringify(diff, null, 2)}\n` : describe(diff));
    });
  workflows
    .command('publish')
    .description('make the draft the live version')
    .argument('<name>')
    .option('--note <text>', 'note of the version')
    .action(async (name: string, options: { note?: string }, command: Command) => {
      const server = connect(command);
      const { id } = await byName(server, name);
      const { rev } = await server.get<{ rev: number }>(`/api/workflows/${id}/draft`);
      const body = { expectedRev: rev, ...(options.note === undefined ? {} : { note: options.note }) };
      const done = await server.post<{ version: number; unchanged: boolean; hooks: readonly { method: string; path: string }[] }>(
        `/api/workflows/${id}/publish`,
        body,
      );
      process.stdout.write(`${name}: version ${done.version} is live${done.unchanged ? ' already' : ''}\n`);
      for (const hook of done.hooks) process.stdout.write(`  ${hook.method} ${server.url}${hook.path}\n`);
    });
  for (const [act, description] of [
    ['unpublish', 'take a workflow out of service; its webhook paths are free'],
    ['pause', 'let a workflow take no work for a while'],
    ['resume', 'let a paused workflow take work again'],
  ] as const) {
    workflows
      .command(act)
      .description(description)
      .argument('<name>')
      .action(async (name: string, _options: object, command: Command) => {
        const server = connect(command);
        const { id } = await byName(server, name);
        const now = await server.post<Deployment>(`/api/workflows/${id}/${act}`, {});
        process.stdout.write(`${name}: ${stateText(now)}${now.isChanged ? '' : ' already'}\n`);
      });
  }
  workflows
    .command('restore')
    .description('make the draft what a version says')
    .argument('<name>')
    .argument('<version>')
    .action(async (name: string, version: string, _options: object, command: Command) => {
      if (!/^[1-9]\d*$/.test(version)) throw new CommandFailure(`"${version}" is no version`, { exitCode: EXIT.usage });
      const server = connect(command);
      const { id } = await byName(server, name);
      const { rev } = await server.get<{ rev: number }>(`/api/workflows/${id}/draft`);
      const done = await server.post<{ isChanged: boolean }>(`/api/workflows/${id}/versions/${version}/restore`, { expectedRev: rev });
      process.stdout.write(`${name}: the draft is version ${version}${done.isChanged ? '' : ' already'}\n`);
    });
  return workflows;
}

function stateText({ state, version }: Deployment): string {
  if (version === undefined) return 'never published';
  if (state === 'off') return `out of service (version ${version} was live last)`;
  return state === 'paused' ? `version ${version} is paused` : `version ${version} is live`;
}

function describe(diff: Diff): string {
  if (diff.isEqual) return 'no difference\n';
  const lines: string[] = [];
  for (const change of diff.workflow) lines.push(`~ workflow ${fieldText(change)}`);
  for (const [kind, parts] of [
    ['node', diff.nodes],
    ['edge', diff.edges],
    ['group', diff.groups],
    ['note', diff.notes],
  ] as const) {
    for (const id of parts.added) lines.push(`+ ${kind} ${id}`);
    for (const id of parts.removed) lines.push(`- ${kind} ${id}`);
    for (const part of parts.changed) {
      if (part.renamed) lines.push(`~ ${kind} ${part.id} renamed from "${part.renamed.from}" to "${part.renamed.to}"`);
      for (const change of part.changes) lines.push(`~ ${kind} ${part.id} ${fieldText(change)}`);
      if (part.isMoved && part.changes.length === 0 && !part.renamed) lines.push(`~ ${kind} ${part.id} moved`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fieldText({ path, before, after }: FieldChange): string {
  return `${path.join('.')}: ${shortJson(before)} -> ${shortJson(after)}`;
}

function shortJson(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
