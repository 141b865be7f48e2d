import { type LiveHook, normalizeHookPattern } from '@plugboard/persistence';
import { describe, expect, test } from 'vitest';
import { RouteTable } from './route-table.ts';

const hook = (method: string, pattern: string, more: Partial<LiveHook> = {}): LiveHook => ({
  id: pattern,
  workspaceId: 'w',
  workflowId: pattern,
  version: 1,
  nodeId: 'n',
  method,
  pattern,
  patternNorm: normalizeHookPattern(pattern),
  reply: 'immediate',
  settings: {},
  ...more,
});
const PATTERNS = [
  'orders',
  'orders/new',
  'orders/:id',
  'orders/:id/lines',
  'orders/new/:line',
  'files/*all',
  'files/:owner/*rest',
  'files/shared/*rest',
  '*anything',
];

/** Which pattern a path is for, with its parameters. */
function seen(patterns: readonly string[], path: string): unknown {
  const match = new RouteTable(patterns.map((pattern) => hook('GET', pattern))).match('GET', path);
  return match.kind === 'found' ? [match.route.hook.pattern, match.params] : match.kind;
}

describe('the route of a path', () => {
  test.each([
    ['orders', ['orders', {}]],
    ['orders/new', ['orders/new', {}]],
    ['orders/7', ['orders/:id', { id: '7' }]],
    ['orders/new/lines', ['orders/new/:line', { line: 'lines' }]],
    ['orders/7/lines', ['orders/:id/lines', { id: '7' }]],
    ['files/a', ['files/*all', { all: 'a' }]],
    ['files/a/b/c', ['files/:owner/*rest', { owner: 'a', rest: 'b/c' }]],
    ['files/shared/b/c', ['files/shared/*rest', { rest: 'b/c' }]],
    ['x/y/z', ['*anything', { anything: 'x/y/z' }]],
    ['orders/a%20b', ['orders/:id', { id: 'a b' }]],
    ['orders/a%2fb', ['orders/:id', { id: 'a/b' }]],
    ['orders/*', ['orders/:id', { id: '*' }]],
    ['orders/**', ['orders/:id', { id: '**' }]],
    ['', 'unknown'],
    ['%', 'unknown'],
    ['orders/%2e%2e', 'unknown'],
  ])('%s', (path, expected) => {
    expect(seen(PATTERNS, path)).toEqual(expected);
    // Whatever order the table was read in.
    expect(seen(PATTERNS.toReversed(), path)).toEqual(expected);
  });

  test('a wrong method names those of every pattern that fits', () => {
    const table = new RouteTable([hook('GET', 'a/b'), hook('PUT', 'a/:x'), hook('POST', '*rest')]);
    expect(table.match('DELETE', 'a/b')).toMatchObject({ kind: 'wrong-method', allow: ['GET', 'POST', 'PUT'] });
    expect(table.match('PUT', 'a/b')).toMatchObject({ kind: 'found', params: { x: 'b' } });
    expect(table.match('POST', 'a/b')).toMatchObject({ kind: 'found', params: { rest: 'a/b' } });
  });

  test('a workflow that is paused and refuses keeps its paths, also those that a wider pattern of another one fits', () => {
    const refuse = { whilePaused: 'refuse' } as const;
    const table = new RouteTable([
      hook('GET', 'a/b', refuse),
      hook('GET', 'a/:x'),
      hook('GET', 'c/:y', refuse),
      hook('GET', 'd', { whilePaused: 'hold' }),
    ]);
    for (const path of ['a/b', 'a//b', 'a/%62', 'c/d']) expect(table.match('GET', path), path).toMatchObject({ kind: 'paused' });
    for (const path of ['a/c', 'd']) expect(table.match('GET', path), path).toMatchObject({ kind: 'found' });
    expect(table.match('PUT', 'c/d')).toMatchObject({ kind: 'wrong-method', allow: ['GET'] });
  });

  test('names of every object are parameters and paths like others', () => {
    expect(seen(['a/:constructor', 'toString'], 'a/x')).toEqual(['a/:constructor', { constructor: 'x' }]);
    expect(seen(['a/:constructor'], 'constructor')).toBe('unknown');
  });

  test('thousands of patterns and hostile paths are matched at once', () => {
    const many = Array.from({ length: 5000 }, (_, i) => hook('GET', `p${i}/:a/:b/*rest`));
    const table = new RouteTable(many);
    const started = performance.now();
    for (let i = 0; i < 50; i += 1) table.match('GET', `nothing/${'x/'.repeat(2000)}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
