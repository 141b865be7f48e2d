/**
 * A file as an answer: in whole or in part, to be kept and never to be shown. What somebody uploaded is not a page of this server, whatever it
 * says it is.
 */
import type Koa from 'koa';
import { attachment, sentType } from '../files/file-name.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { Download } from '../operation/stream.ts';

export async function sendDownload(ctx: Koa.Context, file: Download): Promise<void> {
  const etag = `"${file.contentHash}"`;
  ctx.set({
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-security-policy': "sandbox; default-src 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    etag,
    'last-modified': file.modifiedAt.toUTCString(),
  });
  if (matches(ctx.get('if-none-match'), etag)) {
    ctx.status = 304;
    return;
  }
  const range = rangeOf(ctx, file, etag);
  const { start, end } = range ?? { start: 0, end: file.sizeBytes - 1 };
  ctx.status = range ? 206 : 200;
  if (range) ctx.set('content-range', `bytes ${start}-${end}/${file.sizeBytes}`);
  ctx.set('content-disposition', attachment(file.name));
  if (ctx.method !== 'HEAD') ctx.body = await file.open(range);
  // After the body, which sets a type of its own.
  ctx.set('content-type', sentType(file.mime));
  ctx.length = end - start + 1;
}

function matches(header: string, etag: string): boolean {
  if (header === '') return false;
  return header === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/**
 * One range; several, or what is no range, are answered with the whole.
 * @throws OperationProblem RANGE_INVALID when nothing of the file is in it
 */
function rangeOf(ctx: Koa.Context, { sizeBytes }: Download, etag: string): { readonly start: number; readonly end: number } | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(ctx.get('range').trim());
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return undefined;
  const condition = ctx.get('if-range');
  if (condition !== '' && condition !== etag) return undefined;
  const start = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from);
  const end = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (from !== '' && to !== '' && Number(to) < start) return undefined;
  if (start <= end) return { start, end };
  ctx.set('content-range', `bytes */${sizeBytes}`);
  throw new OperationProblem('RANGE_INVALID', `The file has ${sizeBytes} bytes, and none of them is in that range`);
}
