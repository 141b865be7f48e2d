/** Every icon that a bundled node type names can be drawn: one that cannot would be a box like any other. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeIcon } from './node-icons.ts';

const CORE = join(import.meta.dirname, '../../../plugins/core/src');

test('node types of the bundled plugin have icons that are drawn', () => {
  const files = readdirSync(CORE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const names = files.flatMap((name) =>
    [...readFileSync(join(CORE, name), 'utf8').matchAll(/^ {2}icon: '([a-z0-9-]+)'/gm)].map(([, icon]) => icon ?? ''),
  );
  expect(names.length).toBeGreaterThan(30);
  const box = nodeIcon(undefined);
  expect([...new Set(names)].filter((name) => name !== 'box' && nodeIcon(name) === box)).toEqual([]);
});
