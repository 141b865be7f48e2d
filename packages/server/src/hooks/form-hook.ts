/**
 * A webhook that is a form: what its trigger says of it, the page whoever visits it sees, and what somebody sent as the item of a run. Everything
 * else (who may, how often, which address, tests of drafts) is the webhook's.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FileRef, FormField, FormFieldKind, Item, Json, JsonObject } from '@plugboard/sdk';
import { mediaType } from '../edge/read-body.ts';
import { sendJson, sendText } from '../edge/send.ts';
import { MAX_FIELDS, type FormProblem, fieldsProblem, formField } from '../forms/form-fields.ts';
import { formPaper } from '../forms/form-paper.ts';
import { type Paper, html, notePaper, paper, raw } from '../forms/paper.ts';
import { asObject, sortForm } from '../forms/sort-form.ts';
import { safeMarkdown } from '../forms/safe-markdown.ts';
import type { Answer } from './pending-reply.ts';

export interface HookForm {
  readonly title: string;
  readonly message?: string;
  readonly fields: readonly FormField[];
  readonly submit?: string;
  readonly thanks?: string;
  /** Where people go afterwards, instead of being thanked. */
  readonly redirect?: string;
}

/** A field no person sees and programs fill in. */
const TRAP = 'contact_website';
/** Tells one visit of the page from another, so that sending it twice starts one run. */
const VISIT = 'form_visit';

/** The parameters of the trigger that make a webhook a form. */
export interface FormParams {
  readonly fields: Json | undefined;
  readonly title: string | undefined;
  readonly message: string | undefined;
  readonly submit: string | undefined;
  readonly thanks: string | undefined;
  readonly redirect: string | undefined;
}

export function hookForm({ fields, title, message, submit, thanks, redirect }: FormParams): HookForm {
  return {
    title: title ?? '',
    fields: Array.isArray(fields) ? fields.map((one: Json) => fieldOf(asObject(one))) : [],
    ...(message ? { message } : {}),
    ...(submit ? { submit } : {}),
    ...(thanks ? { thanks } : {}),
    ...(redirect ? { redirect } : {}),
  };
}

/** As it stands in the definition, where what was left at its default is missing. */
function fieldOf(given: JsonObject): FormField {
  const { name, title, kind, required, help, value, options, min, max } = given;
  const choices = Array.isArray(options) ? options.map((one: Json) => asObject(one)) : [];
  return {
    name: textOf(name),
    title: textOf(title) || textOf(name),
    kind: (textOf(kind) || 'text') as FormFieldKind,
    required: required === true,
    ...(textOf(help) ? { help: textOf(help) } : {}),
    ...(value === undefined || value === null ? {} : { value }),
    ...(choices.length === 0 ? {} : { options: choices.map((one) => ({ value: textOf(one['value']), title: textOf(one['title']) })) }),
    ...(textOf(min) ? { min: textOf(min) } : {}),
    ...(textOf(max) ? { max: textOf(max) } : {}),
  };
}

/** What keeps it from being shown. */
export function formFlaw({ fields, redirect }: HookForm): { readonly param: string; readonly message: string } | undefined {
  if (fields.length === 0 || fields.length > MAX_FIELDS) return { param: 'formFields', message: `a form has 1 to ${MAX_FIELDS} fields.` };
  for (const [i, field] of fields.entries()) {
    const parsed = formField.safeParse(field);
    const [issue] = parsed.error?.issues ?? [];
    if (issue) return { param: 'formFields', message: `field ${i + 1}, ${issue.path.join('.')}: ${issue.message}.` };
    if (field.name === TRAP || field.name === VISIT)
      return { param: 'formFields', message: `${field.name} is a name that no field can have.` };
  }
  const problem = fieldsProblem(fields);
  if (problem !== undefined) return { param: 'formFields', message: problem };
  if (redirect !== undefined && !isWebAddress(redirect))
    return { param: 'formRedirect', message: `"${redirect}" is no address of a page.` };
  return undefined;
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** The page as somebody comes to it; what stands in the query is filled in already. */
export function showForm(form: HookForm, res: ServerResponse, query: string, isHead: boolean): void {
  const given = new URLSearchParams(query);
  const known = form.fields.filter((field) => field.kind !== 'file' && given.has(field.name));
  const filled = Object.fromEntries(form.fields.map(({ name, value }) => [name, value ?? null]));
  for (const { name, kind } of known) filled[name] = kind === 'choices' ? given.getAll(name) : (given.get(name) ?? '');
  sendPaper(res, 200, formPage(form, { given: filled }), isHead);
}

export type FormSent =
  | { readonly kind: 'item'; readonly item: Item; readonly visit: string | undefined; readonly accepted: (runId: string) => Answer }
  /** Answered; no run follows. */
  | { readonly kind: 'answered' };

export interface SentToForm {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly body: Json;
  readonly files: { readonly [name: string]: FileRef } | undefined;
  readonly who: JsonObject | undefined;
  readonly drop: (file: FileRef) => Promise<unknown>;
}

export async function takeForm(form: HookForm, { req, res, body, files = {}, who, drop }: SentToForm): Promise<FormSent> {
  const given = asObject(body);
  const isJson = mediaType(req.headers['content-type']) === 'application/json';
  const { [TRAP]: trap, [VISIT]: visit, ...answers } = given;
  const sent = Object.entries(files);
  if (trap !== undefined && trap !== '') {
    // A program that fills in everything hears what it wants to hear.
    for (const [, file] of sent) await drop(file);
    sendPaper(res, 200, thanksPaper(form));
    return { kind: 'answered' };
  }
  const sorted = await sortForm({ fields: form.fields, given: answers, sent, drop });
  if (!sorted.ok) {
    const { problems } = sorted;
    const message = problems.map((one) => one.message).join(' ');
    if (isJson) sendJson(res, 422, { error: { code: 'INPUT_INVALID', message, fields: problems } });
    else sendPaper(res, 422, formPage(form, { given: answers, problems, visit: typeof visit === 'string' ? visit : undefined }));
    return { kind: 'answered' };
  }
  const json = { ...sorted.values, submittedAt: new Date().toISOString(), ...(who === undefined ? {} : { auth: who }) };
  return {
    kind: 'item',
    item: Object.keys(sorted.files).length > 0 ? { json, files: sorted.files } : { json },
    visit: typeof visit === 'string' && visit.length <= 100 ? visit : undefined,
    accepted: (runId) =>
      isJson ? { status: 202, type: 'application/json; charset=utf-8', text: JSON.stringify({ runId }) } : afterwards(form),
  };
}

function afterwards(form: HookForm): Answer {
  if (form.redirect !== undefined) {
    // As a browser reads it: an address may have been written with what no header carries.
    const location = new URL(form.redirect).href;
    return { status: 303, type: 'text/plain; charset=utf-8', text: '', headers: { location, 'cache-control': 'no-store' } };
  }
  const { 'content-type': type = '', ...headers } = thanksPaper(form).headers;
  return { status: 200, type, text: thanksPaper(form).text, headers };
}

export interface FormPageOptions {
  readonly given: JsonObject;
  readonly problems?: readonly FormProblem[];
  readonly visit?: string | undefined;
}

function formPage(form: HookForm, { given, problems = [], visit = randomUUID() }: FormPageOptions): Paper {
  return formPaper({
    ...form,
    given,
    problems,
    hidden: [
      html`<input type="hidden" name="${VISIT}" value="${visit}" />`,
      html`<p class="away" aria-hidden="true">
        <label>Leave this empty <input name="${TRAP}" tabindex="-1" autocomplete="off" /></label>
      </p>`,
    ],
    // The answer to what a page sends may lead elsewhere only where the page says so.
    ...(form.redirect === undefined ? {} : { sendsTo: [new URL(form.redirect).origin] }),
  });
}

function thanksPaper({ title, thanks }: HookForm): Paper {
  return paper({
    title,
    body: html`<h1>${title}</h1>
      <div class="message" role="status">${raw(safeMarkdown(thanks || 'Thank you.'))}</div>`,
  });
}

export function sendPaper(res: ServerResponse, status: number, page: Paper, isHead = false): void {
  const { 'content-type': type = '', ...headers } = page.headers;
  sendText(res, status, type, isHead ? '' : page.text, headers);
}

/** What is refused before the form is looked at, for whoever reads it in a browser. */
export function refusalPaper(message: string): Paper {
  return notePaper('Not sent', `${message}.`);
}

/** In the place of a form whose workflow is paused and refuses what comes. */
export function pausedPaper(headers: Paper['headers']): Paper {
  const paper = notePaper('Closed at the moment', 'The workflow of this form is paused. Nothing was sent. Come back later.');
  return { ...paper, headers: { ...paper.headers, ...headers } };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
