/**
 * Holds the import arrows of the blueprint: nothing points back, nothing reaches into another workspace, no two files need each
 * other, and the pure packages stay pure. Type imports count like any other.
 *
 *   node scripts/check-arrows.mjs        prints one line per problem; exit code 1 when there is one
 */
import { builtinModules } from 'node:module';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import { parseSync } from 'oxc-parser';
import { UI_FOLDER, workspaceFolders } from './bootstrap/build-stamp.mjs';

const EDGES = ['persistence', 'queue', 'plugin-host', 'sandbox'];
const PURE = ['sdk', 'expression', 'engine'];

/** Which workspaces a workspace may import, by folder name under packages/. Plugins are in MAY_PLUGINS. @type {Record<string, string[]>} */
const MAY_IMPORT = {
  sdk: [],
  expression: ['sdk'],
  engine: ['expression', 'sdk'],
  persistence: PURE,
  queue: PURE,
  'plugin-host': PURE,
  sandbox: PURE,
  runner: [...EDGES, ...PURE],
  server: ['runner', ...EDGES, ...PURE],
  cli: ['server', 'runner', ...EDGES, ...PURE],
  // Programs elsewhere use it: it knows the API and nothing of what is behind.
  client: [],
  testing: ['plugin-host', 'engine', 'sdk'],
  'create-plugin': ['sdk'],
  // The pages share pure code with the server and nothing else.
  ui: ['engine', 'expression', 'sdk'],
  bench: ['cli', 'server', 'runner', ...EDGES, ...PURE, 'testing'],
};
const PLUGINS_MAY_IMPORT = ['sdk'];
/** Tests may use the test kit wherever they are, and the client as a program elsewhere would. */
const TESTS_MAY_IMPORT = ['testing', 'client'];

const BUILTINS = new Set(builtinModules);
const IMPURE_GLOBALS = new Set(
  'process performance setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask fetch crypto Buffer global require navigator localStorage'.split(
    ' ',
  ),
);
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random', 'DateTime.now', 'Atomics.wait']);

/**
 * @typedef {{ folder: string, name: string, short: string, manifest: Record<string, any>, references: string[] }} Workspace
 * @typedef {{ specifier: string, line: number }} Import
 * @typedef {{ path: string, workspace: Workspace, isTest: boolean, imports: Import[], impure: { what: string, line: number }[] }} SourceFile
 */

/** @param {string} root @returns {string[]} problems, one line each, as `file:line: what` */
export function findArrowProblems(root) {
  const folders = [...workspaceFolders(root), UI_FOLDER].filter((folder) => fs.existsSync(join(root, folder, 'package.json')));
  const workspaces = folders.map((folder) => readWorkspace(root, folder));
  /** @type {string[]} */
  const problems = [];
  const files = workspaces.flatMap((workspace) =>
    sourcesOf(root, workspace.folder).map((path) => readSource(root, path, workspace, problems)),
  );
  for (const file of files) {
    for (const used of file.imports)
      problems.push(...importProblems(file, used, workspaces).map((what) => `${file.path}:${used.line}: ${what}`));
    if (!file.isTest && PURE.includes(file.workspace.short) && file.workspace.folder.startsWith('packages/')) {
      for (const { what, line } of file.impure)
        problems.push(`${file.path}:${line}: ${what} inside ${file.workspace.name}, which is pure; take the value as an argument`);
    }
  }
  return [...problems, ...cycles(files)];
}

/** @param {SourceFile} file @param {Import} used @param {Workspace[]} workspaces @returns {string[]} */
function importProblems(file, { specifier }, workspaces) {
  const own = file.workspace;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file.path), specifier);
    return target.startsWith(`${own.folder}/`) ? [] : [`"${specifier}" leaves the workspace; import the other one by its package name`];
  }
  const isBuiltin = specifier.startsWith('node:') || BUILTINS.has(specifier);
  if (isBuiltin) {
    return PURE.includes(own.short) && own.folder.startsWith('packages/') && !file.isTest
      ? [`"${specifier}" inside ${own.name}, which is pure`]
      : [];
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const target = workspaces.find((workspace) => workspace.name === name);
  if (target === undefined) return externalProblems(file, name);
  if (target === own) return [`"${specifier}" is this workspace itself; import the file`];
  const problems = [];
  const subpath = specifier.slice(name.length);
  if (subpath !== '' && target.manifest['exports']?.[`.${subpath}`] === undefined)
    problems.push(`"${specifier}" reaches into ${name}; import from its door`);
  const allowed = own.folder.startsWith('plugins/') ? PLUGINS_MAY_IMPORT : (MAY_IMPORT[own.short] ?? []);
  const allowedHere = file.isTest ? [...allowed, ...TESTS_MAY_IMPORT] : allowed;
  if (!target.folder.startsWith('packages/') || !allowedHere.includes(target.short)) {
    problems.push(`${own.name} may not import ${name}; it may import ${allowedHere.length > 0 ? allowedHere.join(', ') : 'no workspace'}`);
    return problems;
  }
  if (!declares(own, name, file.isTest)) problems.push(`${name} is not declared in ${own.folder}/package.json`);
  // Vite reads the packages' sources; the pages have no project references.
  if (!file.isTest && own.folder !== UI_FOLDER && !own.references.includes(target.folder))
    problems.push(`${target.folder} is not referenced in ${own.folder}/tsconfig.json`);
  return problems;
}

/** @param {SourceFile} file @param {string} name @returns {string[]} */
function externalProblems(file, name) {
  // What the builder of the pages makes up itself is in no package.
  if (file.workspace.folder === UI_FOLDER && name.startsWith('virtual:')) return [];
  // Tests run from the root, whose tools (vitest, fast-check) they share.
  if (file.isTest || declares(file.workspace, name, false) || declares(file.workspace, `@types/${name}`, true)) return [];
  return [`the package "${name}" is not declared in ${file.workspace.folder}/package.json`];
}

/** Plugins and the pages are bundled, so what they use is a development dependency. @param {Workspace} workspace @param {string} name @param {boolean} isTest */
function declares({ manifest, folder }, name, isTest) {
  const fields = ['dependencies', 'optionalDependencies', 'peerDependencies'];
  if (isTest || folder.startsWith('plugins/') || folder === UI_FOLDER || name.startsWith('@types/')) fields.push('devDependencies');
  return fields.some((field) => manifest[field]?.[name] !== undefined);
}

/**
 * Files that need each other, as one line per cycle.
 * @param {SourceFile[]} files
 */
function cycles(files) {
  const byPath = new Map(files.map((file) => [file.path, file]));
  /** @type {Map<string, 'open' | 'done'>} */
  const state = new Map();
  /** @type {string[]} */
  const found = [];
  /** @type {string[]} */
  const trail = [];
  /** @param {SourceFile} file */
  const visit = (file) => {
    state.set(file.path, 'open');
    trail.push(file.path);
    for (const { specifier } of file.imports) {
      const target = specifier.startsWith('.') ? byPath.get(posix.join(posix.dirname(file.path), specifier)) : undefined;
      if (target === undefined) continue;
      if (state.get(target.path) === 'open')
        found.push(`import cycle: ${[...trail.slice(trail.indexOf(target.path)), target.path].join(' -> ')}`);
      else if (!state.has(target.path)) visit(target);
    }
    trail.pop();
    state.set(file.path, 'done');
  };
  for (const file of files) if (!state.has(file.path)) visit(file);
  return found;
}

/** @param {string} root @param {string} path @param {Workspace} workspace @param {string[]} problems @returns {SourceFile} */
function readSource(root, path, workspace, problems) {
  const text = path.endsWith('.vue') ? scriptOf(fs.readFileSync(join(root, path), 'utf8')) : fs.readFileSync(join(root, path), 'utf8');
  const parsed = parseSync(path.replace(/\.vue$/, '.ts'), text, { sourceType: 'module' });
  for (const error of parsed.errors) problems.push(`${path}: does not parse: ${error.message}`);
  const lineOf = (/** @type {number} */ offset) => text.slice(0, offset).split('\n').length;
  const isTest =
    path.endsWith('.test.ts') ||
    /(^|\.|\/)test-kit\.ts$/.test(path) ||
    path.endsWith('.test-d.ts') ||
    path.startsWith(`${workspace.folder}/test/`);
  const { requests, impure, declared } = readTree(parsed.program);
  return {
    path,
    workspace,
    isTest,
    imports: requests.map(({ specifier, start }) => ({ specifier, line: lineOf(start) })),
    // A parameter or variable of the same name hides the global.
    impure: impure.filter(({ name }) => !declared.has(name)).map(({ what, start }) => ({ what, line: lineOf(start) })),
  };
}

/** The script of a component, on the lines where it stands. @param {string} component */
function scriptOf(component) {
  const found = /<script[^>]*>([\s\S]*?)<\/script>/.exec(component);
  if (found === null) return '';
  const start = found.index + found[0].indexOf('>') + 1;
  return component.slice(0, start).replaceAll(/[^\n]/g, ' ') + (found[1] ?? '');
}

/**
 * One walk over the syntax tree: what is imported, which clocks and globals are used, and which names the file declares itself.
 * @param {unknown} program
 */
function readTree(program) {
  /** @type {{ specifier: string, start: number }[]} */
  const requests = [];
  /** @type {{ what: string, name: string, start: number }[]} */
  const impure = [];
  /** @type {Set<string>} */
  const declared = new Set();
  /** @param {any} node @param {any} parent @param {string} key */
  const walk = (node, parent, key) => {
    if (Array.isArray(node)) {
      for (const child of node) walk(child, parent, key);
      return;
    }
    if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
    const source = node.source ?? node.argument;
    if (/^(Import|Export)\w*Declaration$|^ImportExpression$|^TSImportType$/.test(node.type) && typeof source?.value === 'string') {
      requests.push({ specifier: source.value, start: node.start });
    }
    if (node.type === 'MemberExpression' && node.object.type === 'Identifier') {
      const name = `${node.object.name}.${node.property.name ?? node.property.value}`;
      const plain = node.object.name === 'globalThis' ? String(node.property.name ?? node.property.value) : '';
      if (IMPURE_MEMBERS.has(name) || IMPURE_GLOBALS.has(plain)) impure.push({ what: name, name: node.object.name, start: node.start });
    }
    const isDate = node.callee?.type === 'Identifier' && node.callee.name === 'Date';
    if (isDate && ((node.type === 'NewExpression' && node.arguments.length === 0) || node.type === 'CallExpression')) {
      impure.push({ what: node.type === 'NewExpression' ? 'new Date()' : 'Date()', name: 'Date', start: node.start });
    }
    for (const pattern of bindingsOf(node)) addNames(pattern, declared);
    if (node.type === 'Identifier' && IMPURE_GLOBALS.has(node.name) && isUse(parent, key)) {
      impure.push({ what: node.name, name: node.name, start: node.start });
    }
    for (const [childKey, child] of Object.entries(node)) walk(child, node, childKey);
  };
  walk(program, { type: 'Root' }, 'root');
  return { requests, impure, declared };
}

/** A member's or property's name is no use of a variable; neither is a name inside a type. @param {any} parent @param {string} key */
function isUse(parent, key) {
  if ((key === 'property' || key === 'key') && parent.computed !== true) return false;
  return !parent.type.startsWith('TS') || /^TS(As|Satisfies|NonNull|TypeAssertion|Instantiation)/.test(parent.type);
}

/** The patterns a node declares names with. @param {any} node @returns {any[]} */
function bindingsOf(node) {
  if (Array.isArray(node.params) && !node.type.startsWith('TS')) return [...node.params, node.id];
  if (node.type === 'VariableDeclarator' || node.type === 'ClassDeclaration') return [node.id];
  if (node.type === 'CatchClause') return [node.param];
  return /^Import\w*Specifier$/.test(node.type) ? [node.local] : [];
}

/** @param {any} pattern @param {Set<string>} names */
function addNames(pattern, names) {
  if (pattern === null || pattern === undefined) return;
  if (pattern.type === 'Identifier') names.add(pattern.name);
  for (const part of pattern.properties ?? pattern.elements ?? []) addNames(part, names);
  if (pattern.type === 'Property') addNames(pattern.value, names);
  if (pattern.type === 'AssignmentPattern') addNames(pattern.left, names);
  if (pattern.type === 'RestElement') addNames(pattern.argument, names);
}

/** @param {string} root @param {string} folder @returns {string[]} paths relative to the root, with forward slashes */
function sourcesOf(root, folder) {
  return ['src', 'test'].flatMap((part) => {
    const base = join(root, folder, part);
    if (!fs.existsSync(base)) return [];
    return fs
      .readdirSync(base, { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${part}/${name.replaceAll('\\', '/')}`)
      .filter((path) => /\.(ts|tsx|mts|vue)$/.test(path) && !path.includes('/node_modules/') && !path.includes('/dist/'))
      .sort();
  });
}

/** @param {string} root @param {string} folder @returns {Workspace} */
function readWorkspace(root, folder) {
  const manifest = JSON.parse(fs.readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const config = join(root, folder, 'tsconfig.json');
  /** @type {{ path: string }[]} */
  const references = fs.existsSync(config) ? (JSON.parse(fs.readFileSync(config, 'utf8')).references ?? []) : [];
  return {
    folder,
    name: manifest.name,
    short: posix.basename(folder),
    manifest,
    references: references.map(({ path }) => posix.join(folder, path)),
  };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const problems = findArrowProblems(resolve(dirname(fileURLToPath(import.meta.url)), '..'));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
