/** The page of a form that a run waits for. Whoever has its address may fill it in, once; looking changes nothing. */
import Router from '@koa/router';
import { type Database, type RunForm, findRunForm, isUuid } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import type { Context } from 'koa';
import { type AskedAddresses, FORM_PREFIX } from '../approvals/asked-address.ts';
import { discardRest, mediaType } from '../edge/read-body.ts';
import type { FileService } from '../files/file-service.ts';
import type { FormProblem } from './form-fields.ts';
import { formPaper } from './form-paper.ts';
import type { FilledForm, FormService, KeptForm } from './form-service.ts';
import { type Paper, html, notePaper, paper, raw } from './paper.ts';
import { readForm } from './read-form.ts';
import { safeMarkdown } from './safe-markdown.ts';

export interface FormRoutesOptions {
  readonly database: Database;
  readonly addresses: AskedAddresses;
  readonly forms: FormService;
  readonly files: FileService;
  readonly wake: () => void;
  readonly bodyLimit: (workspaceId: string) => number;
  readonly addressOf: (req: Context['req']) => string;
  /** False when this address asks too often. */
  readonly mayAsk: (address: string) => boolean;
}

export function formRoutes(options: FormRoutesOptions): Router {
  const { forms, files } = options;
  const router = new Router({ prefix: FORM_PREFIX, sensitive: true, strict: true });

  router.get('/:run/:place/:token', async (ctx) => {
    const form = await formAt(options, ctx);
    if (form) show(ctx, form, 200);
  });

  router.post('/:run/:place/:token', async (ctx) => {
    const form = await formAt(options, ctx);
    if (!form) return discardRest(ctx.req);
    if (form.state !== 'open') {
      discardRest(ctx.req);
      return over(ctx, form.state);
    }
    const { workspaceId, runId, workflowId } = form;
    const { fields } = form.request as unknown as KeptForm;
    const owner = { workspaceId, origin: { runId, workflowId } };
    const sent = await readForm(ctx.req, { fields, files, owner, bodyLimit: options.bodyLimit(workspaceId) });
    if (sent.kind === 'refused') {
      const { status, message } = sent.problem;
      answer(ctx, status, notePaper('Not sent', `${message}.`), { code: sent.problem.code, message });
      return discardRest(ctx.req);
    }
    if (sent.kind === 'wrong') return show(ctx, form, 422, sent.given, sent.problems);
    const filled = await forms.fill(form, sent);
    if (filled !== 'counted') {
      for (const file of Object.values(sent.files)) await files.remove(workspaceId, file.id);
      return over(ctx, filled);
    }
    options.wake();
    answer(ctx, 200, thanksPaper(form));
  });
  return router.use(router.allowedMethods());
}

/** Has answered where there is none. */
async function formAt({ database, addresses, mayAsk, addressOf }: FormRoutesOptions, ctx: Context): Promise<RunForm | undefined> {
  if (!mayAsk(addressOf(ctx.req))) {
    answer(ctx, 429, notePaper('Too many requests', 'Try again in a minute.'), {
      code: 'TOO_MANY_REQUESTS',
      message: 'Try again in a minute',
    });
    return undefined;
  }
  const { run: runId = '', place = '', token = '' } = ctx['params'] as { run?: string; place?: string; token?: string };
  const isKnown = isUuid(runId) && addresses.isToken({ kind: 'form', runId, place }, token);
  const form = isKnown ? await findRunForm(database, { runId, place }) : undefined;
  if (!form) {
    const text =
      'There is no form at this address. It may have been copied in part, or the run is gone, or it has not come to the form yet.';
    answer(ctx, 404, notePaper('Not found', text), { code: 'NOT_FOUND', message: text });
  }
  return form;
}

function show(ctx: Context, form: RunForm, status: number, given?: JsonObject, problems: readonly FormProblem[] = []): void {
  if (form.state !== 'open') return over(ctx, form.state);
  const page = formPaper({ ...(form.request as unknown as KeptForm), given, problems });
  const message = problems.map((one) => one.message).join(' ');
  answer(ctx, status, page, problems.length > 0 ? { code: 'INPUT_INVALID', message, fields: problems } : undefined);
}

const STATES: { readonly [State in Exclude<FilledForm, 'counted'>]: readonly [title: string, text: string] } = {
  filled: ['Filled in', 'This form was filled in already; it takes one answer.'],
  late: ['Too late', 'The time for this form has run out.'],
  closed: ['Closed', 'The run that waited for this form has ended.'],
};

function over(ctx: Context, state: Exclude<FilledForm, 'counted'>): void {
  const [title, text] = STATES[state];
  answer(ctx, ctx.method === 'POST' ? 409 : 200, notePaper(title, text), { code: 'ALREADY_DONE', message: text });
}

function thanksPaper({ request }: RunForm): Paper {
  const { title, thanks } = request as unknown as KeptForm;
  return paper({
    title,
    body: html`<h1>${title}</h1>
      <div class="message" role="status">${raw(safeMarkdown(thanks || 'Thank you.'))}</div>`,
  });
}

/** Programs that send JSON get JSON. */
function answer(ctx: Context, status: number, page: Paper, error?: object): void {
  ctx.status = status;
  if (ctx.method === 'POST' && mediaType(ctx.req.headers['content-type']) === 'application/json') {
    ctx.body = error ? { error } : { ok: true };
    return;
  }
  ctx.set({ ...page.headers });
  ctx.body = page.text;
}
