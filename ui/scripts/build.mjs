/**
 * Builds the pages into dist/: vite, then every text file once more as .br and .gz, so that the server compresses nothing while it serves.
 * Says what a first visit of each page costs.
 */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import { build } from 'vite';
import { isAllowed } from '../../scripts/check-licences.mjs';
import { OPERATIONS_FILE, textsByHash } from './operations.ts';

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(folder, 'dist');
/** Smaller files travel in one packet anyway. */
const LEAST_BYTES = 1024;

await build({ root: folder, configFile: join(folder, 'vite.config.ts'), mode: 'production', logLevel: 'warn' });
for (const name of fs.readdirSync(join(folder, 'src', 'fonts')).filter((one) => one.startsWith('LICENSE'))) {
  fs.copyFileSync(join(folder, 'src', 'fonts', name), join(dist, 'licences', name));
}
checkLicences();
const sizes = precompress();
fs.writeFileSync(join(dist, OPERATIONS_FILE), JSON.stringify(textsByHash()));
report(sizes);

/** What is bundled is given on, though it is no dependency of the package. @throws Error naming what may not be */
function checkLicences() {
  const text = fs.readFileSync(join(dist, 'licences', 'bundled.md'), 'utf8');
  const refused = [...text.matchAll(/^## (.+) \((.+)\)$/gm)].filter(([, , licence]) => !isAllowed(licence ?? ''));
  if (refused.length > 0)
    throw new Error(`bundled under a licence that is not on the list: ${refused.map(([line]) => line.slice(3)).join(', ')}`);
}

/** @returns {Map<string, number>} bytes over the wire (brotli) by file */
function precompress() {
  const result = new Map();
  for (const entry of fs.readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const name = relative(dist, file).replaceAll('\\', '/');
    const body = fs.readFileSync(file);
    const isText = /\.(js|css|html|svg|json|webmanifest|txt)$/.test(name);
    if (!isText || body.length < LEAST_BYTES) {
      result.set(name, body.length);
      continue;
    }
    const brotli = brotliCompressSync(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    });
    fs.writeFileSync(`${file}.br`, brotli);
    fs.writeFileSync(`${file}.gz`, gzipSync(body, { level: 9 }));
    result.set(name, brotli.length);
  }
  return result;
}

/** @param {Map<string, number>} sizes */
function report(sizes) {
  /** @type {Record<string, { file: string, imports?: string[], css?: string[], isEntry?: boolean, isDynamicEntry?: boolean, src?: string }>} */
  const manifest = JSON.parse(fs.readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8'));
  const sizeOf = (/** @type {string} */ key, /** @type {Set<string>} */ seen) => {
    const chunk = manifest[key];
    if (!chunk || seen.has(chunk.file)) return 0;
    seen.add(chunk.file);
    let size = sizes.get(chunk.file) ?? 0;
    for (const css of chunk.css ?? []) {
      if (!seen.has(css)) size += sizes.get(css) ?? 0;
      seen.add(css);
    }
    for (const next of chunk.imports ?? []) size += sizeOf(next, seen);
    return size;
  };
  const entry = Object.keys(manifest).find((key) => manifest[key]?.isEntry) ?? '';
  const kb = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  process.stdout.write(`ui: start ${kb(sizeOf(entry, new Set()))} (brotli, without fonts)\n`);
  for (const key of Object.keys(manifest).filter((one) => /src\/pages\/\w+Page\.vue$/.test(one))) {
    const seen = new Set();
    sizeOf(entry, seen);
    process.stdout.write(`ui: + ${key.replace('src/pages/', '').replace('.vue', '')} ${kb(sizeOf(key, seen))}\n`);
  }
}
