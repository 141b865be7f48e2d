/** The pages on a Koa application: their files, and `index.html` at every address that is a page's and nobody else's. */
import type Koa from 'koa';
import { ASSETS, type Encoding, INDEX, type PageFile, type PageFiles } from './page-files.ts';
import { type PageHeaderOptions, pageHeaders } from './page-headers.ts';

export interface PagesOptions extends PageHeaderOptions {
  /** Undefined where the pages are not built: the start address says so. */
  readonly files: PageFiles | undefined;
}

/** First parts of addresses that belong to the server itself; what is not there is not a page either. */
const RESERVED = new Set(['api', 'auth', 'graphql', 'healthz', 'hooks', 'metrics', 'readyz', 'socket.io']);
const NOT_BUILT =
  'This server runs without its pages, because they are not built: run `npm run build` in the clone, or use the API described at /api/openapi.json.\n';

/** After everything else: answers only what nothing before it answered. */
export function mountPages(app: Koa, { files, ...about }: PagesOptions): void {
  const headers = pageHeaders(about);
  app.use(async (ctx, next) => {
    const path = plainPath(ctx.path);
    if (path === undefined || ctx.status !== 404 || ctx.body !== undefined || isReserved(path)) return next();
    if (files === undefined) {
      if (path !== '/') return next();
      if (isRead(ctx)) {
        ctx.status = 404;
        ctx.type = 'text/plain; charset=utf-8';
        ctx.body = NOT_BUILT;
      }
      return;
    }
    const file = files.get(path === '/' ? INDEX : path) ?? (isPage(ctx, path) ? files.get(INDEX) : undefined);
    if (file === undefined) return next();
    if (!isRead(ctx)) {
      ctx.status = 405;
      ctx.set('allow', 'GET, HEAD');
      return;
    }
    ctx.set(headers);
    send(ctx, file);
  });
}

/** The path as names in it are spelled, or undefined for one that no link of ours leads to. */
function plainPath(path: string): string | undefined {
  let plain: string;
  try {
    plain = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\\]/.test(plain)) return undefined;
  if (plain.split('/').some((part) => part === '.' || part === '..')) return undefined;
  // An encoded slash makes two addresses of one; two slashes at the start are another host to a browser.
  return /%2f/i.test(path) || plain.startsWith('//') ? undefined : plain;
}

function isReserved(path: string): boolean {
  return RESERVED.has((path.split('/')[1] ?? '').toLowerCase());
}

function isRead(ctx: Koa.Context): boolean {
  return ctx.method === 'GET' || ctx.method === 'HEAD';
}

/** An address a person opened; a missing script or picture stays missing. */
function isPage(ctx: Koa.Context, path: string): boolean {
  return isRead(ctx) && !path.startsWith(ASSETS) && ctx.get('accept').includes('text/html');
}

function send(ctx: Koa.Context, file: PageFile): void {
  const encoding = chooseEncoding(ctx.get('accept-encoding'), file);
  const tag = `"${file.tag}${encoding === undefined ? '' : `-${encoding}`}"`;
  ctx.set('cache-control', file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  ctx.set('etag', tag);
  if (Object.keys(file.encoded).length > 0) ctx.vary('accept-encoding');
  if (hasTag(ctx.get('if-none-match'), tag)) {
    ctx.status = 304;
    return;
  }
  ctx.status = 200;
  ctx.type = file.type;
  if (encoding !== undefined) ctx.set('content-encoding', encoding);
  // Koa sends no body with HEAD and keeps its length.
  ctx.body = (encoding === undefined ? undefined : file.encoded[encoding]) ?? file.body;
}

/** The smallest copy the caller takes. */
function chooseEncoding(accept: string, file: PageFile): Encoding | undefined {
  const weights = new Map(
    accept.split(',').map((part) => {
      const [name = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
      const weight = parameters.find((one) => one.startsWith('q='))?.slice(2);
      return [name, weight === undefined ? 1 : Number(weight)];
    }),
  );
  const takes = (encoding: Encoding): boolean => (weights.get(encoding) ?? weights.get('*') ?? 0) > 0;
  const order: readonly Encoding[] = ['br', 'gzip'];
  return order.find((encoding) => file.encoded[encoding] !== undefined && takes(encoding));
}

function hasTag(header: string, tag: string): boolean {
  return header.split(',').some((one) => {
    const known = one.trim();
    return known === '*' || known === tag || known === `W/${tag}`;
  });
}
