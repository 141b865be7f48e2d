/**
 * What is promised is tested: every row of docs/promises.md names files that are there, and each of its ids stands in the title of a test of one of
 * them. The rules of durability are all there.
 */
import { join } from 'node:path';
import fs from 'node:fs';

const PAGE = 'docs/promises.md';
/** Rules of durability, numbered from 1. */
const RULES = 25;
/** Reservations of money: no step calls a model yet. */
const NOT_YET = new Set([24]);

/** @param {string} root @returns {string[]} problems, one line each */
export function findPromiseProblems(root) {
  const rows = rowsOf(fs.readFileSync(join(root, PAGE), 'utf8'));
  const rules = new Set(rows.flatMap(({ ids }) => ids));
  const numbers = Array.from({ length: RULES }, (_, n) => n + 1).filter((n) => !NOT_YET.has(n));
  return [
    ...numbers.filter((n) => !rules.has(`rule ${n}`)).map((n) => `${PAGE}: rule ${n} has no row; say which test shows it`),
    ...rows.flatMap(({ line, ids, files }) => rowProblems(root, ids, files).map((what) => `${PAGE}:${line}: ${what}`)),
  ];
}

/** @param {string} root @param {string[]} ids @param {string[]} files @returns {string[]} */
function rowProblems(root, ids, files) {
  const gone = files.filter((file) => !fs.existsSync(join(root, file)));
  if (gone.length > 0) return gone.map((file) => `${file} is not there`);
  const titled = new Set(files.flatMap((file) => idsInTitles(fs.readFileSync(join(root, file), 'utf8'))));
  return ids.filter((id) => !titled.has(id)).map((id) => `no test of ${files.join(', ')} has ${id} in its title`);
}

/**
 * Rows of a table whose second column is what is promised and whose last column names test files.
 * @param {string} text @returns {{ line: number, ids: string[], files: string[] }[]}
 */
function rowsOf(text) {
  return text.split('\n').flatMap((row, index) => {
    const cells = row.split('|').map((cell) => cell.trim());
    const files = [...(cells.at(-2) ?? '').matchAll(/`([^`]+\.test\.ts)`/g)].map(([, file]) => file ?? '');
    if (cells.length < 4 || files.length === 0) return [];
    return [{ line: index + 1, ids: idsIn(cells[1] ?? ''), files }];
  });
}

/** Ids in the titles of tests and of what they are grouped by. @param {string} text @returns {string[]} */
function idsInTitles(text) {
  const titles = text.matchAll(/\b(?:test|describe|it)(?:\.\w+)*\s*(?:\((?:\[[^\]]*\][^)]*|[^'"`)]*)\))?\s*\(\s*(['"`])(.*?)\1/gs);
  return [...titles].flatMap(([, , title]) => idsIn(title ?? ''));
}

/** `S1-086, S1-087`, `S1-058 to S1-065`, `rule 3`, `rules 1, 8, 15` and `rules 1 to 20`. @param {string} text @returns {string[]} */
function idsIn(text) {
  const ids = [];
  for (const [, from, to] of text.matchAll(/\b(S\d-\d{3})(?: to (S\d-\d{3}))?/g)) ids.push(...between(from ?? '', to ?? from ?? ''));
  for (const [, numbers] of text.matchAll(/\brules? ((?:\d+(?: to \d+)?(?:, )?)+)/g)) {
    for (const [, from, to] of (numbers ?? '').matchAll(/(\d+)(?: to (\d+))?/g))
      for (let n = Number(from); n <= Number(to ?? from); n += 1) ids.push(`rule ${n}`);
  }
  return ids;
}

/** @param {string} from @param {string} to @returns {string[]} */
function between(from, to) {
  const [prefix, first, last] = [from.slice(0, 3), Number(from.slice(3)), Number(to.slice(3))];
  return Array.from({ length: last - first + 1 }, (_, n) => prefix + String(first + n).padStart(3, '0'));
}
