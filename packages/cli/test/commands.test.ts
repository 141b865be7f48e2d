/** Every command as a user or a script meets it: what it prints, where, and the exit code. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Lone } from './lone-command.ts';
import { CONTRACT, type Output, Plugboard, contractFiles } from './plugboard-process.ts';

const ECHO = `${CONTRACT}echo.workflow.json`;

let server: Plugboard;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plugboard-cli-'));
  server = await Plugboard.create();
  await server.start();
  expect(server.command('import', '--publish', ...contractFiles()).code).toBe(0);
});

afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** What a person sees when a command fails: one line that says what, and never a stack. */
function expectFailure(output: Output, code: number, says: RegExp | string): void {
  expect(output.stderr).toMatch(says);
  expect(output.stderr).not.toMatch(/unexpected error|\n {4}at /);
  expect(output.code).toBe(code);
}

describe('start', () => {
  test('prints a link that leads to the page which makes the owner, with the token where a browser keeps it to itself', async () => {
    const printed = (): string => /^No owner yet\. Open this link once to become it: (\S+)\n/m.exec(server.log)?.[1] ?? '';
    // It is the line after the one that says that the server is ready.
    await expect.poll(printed, { timeout: 60_000 }).not.toBe('');
    const link = printed();
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/setup#token=[\w-]{20,}$/);
    const answer = await fetch(link, { headers: { accept: 'text/html' } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await answer.text()).toContain('<div id="app">');
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });
});

describe('import', () => {
  test('says for each file what is live and where its webhooks are', () => {
    const { code, stdout } = server.command('import', '--publish', ECHO);
    expect([code, stdout]).toEqual([0, `Echo: version 1 is live already\n  POST ${server.url}/hooks/contract/echo\n`]);
  });

  test('tries every file, lists every problem, and ends with 1 when one was bad', () => {
    const broken = file('broken.json', '{"name": "Broken",');
    const wrong = file(
      'wrong.yaml',
      'schema: 1\nname: Wrong\nnodes:\n  - {id: a, type: core/nope, data: {name: A, typeVersion: 1, params: {}}}\n  - {id: a, type: core/noop, data: {name: B, typeVersion: 1, params: {}}}\nedges: []\n',
    );
    const output = server.command('import', broken, join(folder, 'missing.json'), wrong, ECHO);
    expectFailure(output, 1, '3 of 4 files were not imported');
    for (const code of ['JSON_INVALID', 'there is no file', 'NODE_TYPE_UNKNOWN']) expect(output.stderr).toContain(code);
    expect((output.stderr.match(/^ {2}error/gm) ?? []).length).toBeGreaterThanOrEqual(3);
    expect(output.stdout).toContain('Echo: saved as draft');
    // Each file is named once, and so is each place.
    expect(output.stderr.split(broken)).toHaveLength(2);
    expect(output.stderr.split(join(folder, 'missing.json'))).toHaveLength(2);
    expect(output.stderr).not.toContain('at position');
    expect(server.command('export', 'Wrong').code).toBe(1);
  });

  test('refuses a path that is taken, and names whose it is', () => {
    const thief = file('thief.json', readFileSync(ECHO, 'utf8').replace('"Echo"', '"Thief"'));
    expectFailure(server.command('import', '--publish', thief), 1, /"Echo"[^]*HOOK_PATH_TAKEN|belongs to "Echo"/);
    expect(server.command('export', 'Thief').code).toBe(1);
  });
});

describe('export', () => {
  test('what is exported as YAML is imported as the same workflow', () => {
    const path = join(folder, 'items.yaml');
    expect(server.command('export', 'Items', '-o', path).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toMatch(/^schema: 1\nname: Items\n/);
    expect(server.command('import', '--publish', path).stdout).toContain('Items: version 1 is live already');
    expect(server.command('export', 'Items', '--yaml').stdout).toBe(readFileSync(path, 'utf8'));
    expect(JSON.parse(server.command('export', 'Items', '--live').stdout)).toMatchObject({ name: 'Items' });
  });

  test('an unknown name and a place that cannot be written are plain failures', () => {
    expectFailure(server.command('export', 'Nope'), 1, 'There is no workflow named "Nope"');
    expectFailure(server.command('export', 'Items', '-o', join(folder, 'no', 'x.json')), 1, 'cannot be written');
  });
});

describe('many workflows', () => {
  test('go out into one file or a folder, are checked and come in again whole or not at all', () => {
    const all = join(folder, 'all.yaml');
    expect(server.command('export', '--all', '-o', all).code).toBe(0);
    expect(server.command('validate', all).stdout).toBe(`${all}: no problems\n`);
    const again = server.command('import', '--publish', all);
    expect([again.code, again.stdout.match(/is live already/g)?.length], again.stderr).toEqual([0, contractFiles().length]);
    expect(JSON.parse(server.command('export', 'Echo', 'Items').stdout)).toMatchObject({
      format: 'plugboard/workflows',
      workflows: [{ name: 'Echo' }, { name: 'Items' }],
    });
    const each = server.command('export', '--all', '-d', join(folder, 'flows'));
    expect(each.stdout.trim().split('\n')).toHaveLength(contractFiles().length);
    expect(each.stdout).toContain(join(folder, 'flows', 'echo.workflow.json'));

    const bundle = {
      format: 'plugboard/workflows',
      workflows: [
        { schema: 1, name: 'Good one', nodes: [], edges: [] },
        { schema: 1, name: '' },
      ],
    };
    const bad = file('bad-bundle.json', JSON.stringify(bundle));
    const refused = server.command('import', bad);
    expectFailure(refused, 1, /workflows\[1\]/);
    expect(server.command('export', 'Good one').code).toBe(1);
    expectFailure(server.command('export'), 2, 'name the workflows, or give --all');
  });

  test('are listed; one is compared, paused, taken out of service and published again', () => {
    const path = file('kept.json', readFileSync(ECHO, 'utf8').replace('"Echo"', '"Kept"').replaceAll('contract/echo', 'kept'));
    expect(server.command('import', '--publish', path).code).toBe(0);
    expect(server.command('workflows').stdout).toMatch(/^Kept {2}/m);
    expect(server.command('workflows', 'show', 'Kept').stdout).toContain('version 1 is live');
    expect(server.command('workflows', 'diff', 'Kept').stdout).toBe('no difference\n');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"description": "[^"]*"/, '"description": "Another"'));
    expect(server.command('import', path).code).toBe(0);
    expect(server.command('workflows', 'diff', 'Kept').stdout).toMatch(/^~ workflow description: .* -> "Another"\n$/);
    expect(server.command('workflows', 'publish', 'Kept', '--note', 'second').stdout).toMatch(/^Kept: version 2 is live\n/);
    expect(server.command('workflows', 'versions', 'Kept').stdout).toMatch(/2 live .*second/);
    expect(server.command('workflows', 'pause', 'Kept').stdout).toBe('Kept: version 2 is paused\n');
    expect(server.command('workflows', 'resume', 'Kept').stdout).toBe('Kept: version 2 is live\n');
    expect(server.command('workflows', 'restore', 'Kept', '1').stdout).toBe('Kept: the draft is version 1\n');
    expect(server.command('workflows', 'unpublish', 'Kept').stdout).toContain('out of service');
    expectFailure(server.command('workflows', 'show', 'Nope'), 1, 'there is no workflow named "Nope"');
    expectFailure(server.command('workflows', 'restore', 'Kept', 'x'), 2, '"x" is no version');
  });
});

describe('validate', () => {
  test('needs no server and lists every problem of every file', () => {
    const bad = file('bad.json', '{"schema":1,"name":"X","nodes":[{"id":"a","type":"core/nope"}],"edges":[]}');
    const lone = new Lone();
    expect(lone.command('validate', ...contractFiles()).code).toBe(0);
    const output = lone.command('validate', ECHO, bad, folder);
    expectFailure(output, 1, '2 of 3 files have problems');
    expect(output.stdout).toContain(`${ECHO}: no problems`);
    const json = JSON.parse(lone.command('validate', '--json', bad).stdout) as { problems: { code: string }[] }[];
    expect(json[0]?.problems.map((problem) => problem.code)).toContain('NODE_TYPE_UNKNOWN');
    lone.remove();
  });

  test.each([
    ['an alias bomb', `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(10)}]\nc: &c [${'*b,'.repeat(10)}]\nd: [${'*c,'.repeat(10)}]\n`],
    ['a tag that would make something else', 'name: !!js/function "return 1"\n'],
    ['a tab where none may be', 'a:\n\t- b\n'],
    ['the prototype as a key', '__proto__: {polluted: true}\nschema: 1\n'],
  ])('%s in YAML is a problem, not a crash', (_, text) => {
    const lone = new Lone();
    expectFailure(lone.command('validate', file('hostile.yaml', text)), 1, '1 of 1 file has problems');
    lone.remove();
  });
});

describe('run', () => {
  test('prints the output of a file or a published name, from text or a file', () => {
    const input = file('in.json', '{"name":"Bo"}');
    for (const args of [
      ['Echo', '--input', '{"name":"Bo"}'],
      ['Echo', '--input', `@${input}`],
      [ECHO, '--input', `@${input}`],
    ]) {
      const { code, stdout, stderr } = server.command('run', ...args);
      expect([code, stdout, stderr]).toEqual([0, '{\n  "hello": "Bo",\n  "length": 2\n}\n', '']);
    }
  });

  test('ends with 1 when the run fails, says why and where to look', () => {
    const output = server.command('run', 'Echo', '--input', '{}');
    expectFailure(output, 1, /^plugboard: the run failed: .*EXPR_NO_VALUE.*\n {2}Look into it with: npx plugboard show [0-9a-f]{8}\n$/);
    expect(output.stdout).toBe('');
    const short = /show ([0-9a-f]{8})/.exec(output.stderr)?.[1] ?? '';
    expect(server.command('show', short).stdout).toContain('EXPR_NO_VALUE');
  });

  test('input that is no JSON, or a file that is not there, is a wrong command line', () => {
    expectFailure(server.command('run', 'Echo', '--input', '{bad'), 2, '--input is not valid JSON');
    expectFailure(server.command('run', 'Echo', '--input', '@missing'), 2, 'cannot be read');
    expectFailure(server.command('run', 'Nope'), 1, 'There is no workflow named "Nope"');
    expectFailure(server.command('run', 'Echo', '--trigger', 'zz'), 1, 'no trigger "zz"');
  });
});

describe('runs and show', () => {
  interface Page {
    readonly runs: readonly { readonly id: string; readonly status: string }[];
    readonly nextCursor?: string;
  }
  const page = (...args: string[]): Page => JSON.parse(server.command('runs', '--json', ...args).stdout) as Page;

  test('lists by state and workflow, a page at a time', () => {
    for (let i = 0; i < 3; i += 1) server.command('run', 'Echo', '--input', '{"name":"Ada"}');
    const all = page('--workflow', 'Echo', '--status', 'succeeded').runs.map((run) => run.id);
    const first = page('--workflow', 'Echo', '--status', 'succeeded', '--limit', '2');
    const second = page('--workflow', 'Echo', '--status', 'succeeded', '--limit', '2', '--cursor', first.nextCursor ?? '');
    expect([...first.runs, ...second.runs].map((run) => run.id)).toEqual(all.slice(0, 4));
    expect(server.command('runs', '--workflow', 'Echo', '--limit', '1').stdout).toMatch(
      /\nmore: npx plugboard runs --workflow 'Echo' --limit 1 --cursor /,
    );
    expect(server.command('runs', '--status', 'paused').stdout).toBe('No runs match in the last 7 days.\n');
  });

  test('shows each step, and the items it gave', () => {
    const [run] = page('--workflow', 'Echo', '--status', 'succeeded', '--limit', '1').runs;
    const id = run?.id ?? '';
    expect(server.command('show', id).stdout).toMatch(/^Echo \(version 1\), run .*\nsucceeded, .*\n\nstep .*\nWebhook .*\nGreet .*\n/);
    expect(JSON.parse(server.command('show', id.slice(-8), '--json').stdout)).toMatchObject({ id, status: 'succeeded' });
    expect(JSON.parse(server.command('show', id, '--output', 'Greet').stdout)).toEqual({ main: [{ hello: 'Ada', length: 3 }] });
    expectFailure(server.command('show', id, '--output', 'zz'), 1, 'no step "zz"');
    expectFailure(server.command('show', 'ffffffff'), 1, 'There is no run ffffffff');
  });

  test.each([
    ['runs', '--status', 'odd'],
    ['runs', '--limit', '0'],
    ['runs', '--limit', 'x'],
    ['import'],
    ['show'],
    ['frobnicate'],
    ['runs', '--nope'],
  ])('%s %s %s is a wrong command line', (...args) => {
    const { code, stderr } = server.command(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: /);
  });
});

describe('doctor, migrate and start', () => {
  test('doctor finds nothing wrong on a machine where the server runs', () => {
    const { code, stdout } = server.command('doctor');
    expect(stdout).not.toContain('WRONG');
    expect(stdout).toContain(`${server.url} is ready`);
    expect(code).toBe(0);
  });

  test('doctor names what is wrong and ends with 1', () => {
    const lone = new Lone({ DATABASE_URL: 'postgres://nobody:canary@127.0.0.1:1/none', PLUGBOARD_PORT: new URL(server.url).port });
    const output = lone.command('doctor');
    expectFailure(output, 1, /2 things need attention/);
    expect(output.stdout).toMatch(/WRONG port: /);
    expect(output.stdout).toMatch(/WRONG database: /);
    expect(output.stdout + output.stderr).not.toContain('canary');
    lone.remove();
  });

  test('a data folder in use is said by start and migrate, and the server goes on', async () => {
    expectFailure(
      server.command('start'),
      1,
      new RegExp(`Another server \\(process ${server.pid}, ${server.url}\\) runs on .*PLUGBOARD_DATA`),
    );
    expectFailure(server.command('migrate'), 1, /Another server is running on .*PLUGBOARD_DATA/);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  test('a port in use is said before a folder or a database is made', () => {
    const lone = new Lone({ PLUGBOARD_PORT: new URL(server.url).port });
    const dataDir = join(lone.dataDir, 'new');
    expectFailure(lone.command('--data', dataDir, 'start'), 1, /is in use by another program/);
    expect(existsSync(dataDir)).toBe(false);
    lone.remove();
  });

  test('every wrong setting is listed at once, without secrets', () => {
    const lone = new Lone({ PLUGBOARD_PORT: 'x', PLUGBOARD_LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://u:canary@h/d' });
    const output = lone.command('start');
    expectFailure(output, 1, /PLUGBOARD_PORT[^]*|PLUGBOARD_LOG_LEVEL/);
    for (const name of ['PLUGBOARD_PORT', 'PLUGBOARD_LOG_LEVEL', 'DATABASE_URL']) expect(output.stderr).toContain(`${name}: expected`);
    expect(output.stderr).not.toContain('canary');
    lone.remove();
  });

  test('a database that does not take the password, a data folder that is a file, and an address of another machine say what to do', () => {
    const cases = [
      [{ DATABASE_URL: 'postgres://plugboard_nobody:canary@127.0.0.1:5432/plugboard_none' }, 'Check '],
      [{ PLUGBOARD_DATA: file('not-a-folder', '') }, 'PLUGBOARD_DATA'],
    ] as const;
    for (const [env, says] of cases) {
      const lone = new Lone(env);
      const output = lone.command('start');
      expectFailure(output, 1, says);
      expect(output.stdout + output.stderr).not.toContain('canary');
      lone.remove();
    }
  });
});

describe('finding the server', () => {
  test('without one the exit code is 3 and the message says how to start it', () => {
    const lone = new Lone();
    expectFailure(lone.command('runs'), 3, /no server is running on the data folder .*\n {2}Start one with: npx plugboard start/);
    writeFileSync(join(lone.dataDir, 'server.json'), JSON.stringify({ url: 'http://127.0.0.1:1', token: 'x', pid: 1, startedAt: '' }));
    expectFailure(lone.command('runs'), 3, 'no server is running');
    writeFileSync(join(lone.dataDir, 'server.json'), '{"url":');
    expectFailure(lone.command('runs'), 3, 'no server is running');
    lone.remove();
  });

  test('a server that another data folder belongs to is not mistaken for ours', () => {
    const lone = new Lone();
    writeFileSync(join(lone.dataDir, 'server.json'), JSON.stringify({ url: server.url, token: 'other', pid: 1, startedAt: '' }));
    expectFailure(lone.command('runs'), 1, 'does not accept the token');
    lone.remove();
  });

  test('--server needs an address and a key', () => {
    const lone = new Lone();
    expectFailure(lone.command('--server', 'somewhere', 'runs'), 2, 'is not the address of a server');
    expectFailure(lone.command('--server', server.url, 'runs'), 2, 'needs an API key');
    lone.remove();
    const keyed = new Lone({ PLUGBOARD_API_KEY: 'wrong' });
    expectFailure(keyed.command('--server', server.url, 'runs'), 1, 'does not accept this API key');
    expectFailure(keyed.command('--server', 'http://127.0.0.1:1', 'runs'), 3, 'cannot be reached');
    keyed.remove();
  });

  test.skipIf(process.getuid?.() === 0)('a token file of another user is said so', () => {
    const lone = new Lone();
    const path = join(lone.dataDir, 'server.json');
    writeFileSync(path, '{}');
    chmodSync(path, 0o000);
    expectFailure(lone.command('runs'), 1, 'may not be read by this user');
    lone.remove();
  });

  test('--help lists the exit codes', () => {
    const { code, stdout } = new Lone().command('--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 /);
  });
});
