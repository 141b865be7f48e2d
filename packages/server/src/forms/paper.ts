/**
 * Pages for people who may have no account here: forms and decisions. One HTML text without scripts, in the theme of the reader's system, as
 * narrow as a telephone. Whatever comes from outside is escaped where it is put in.
 */
import { createHash } from 'node:crypto';
import type { FormField, Json, JsonObject } from '@plugboard/sdk';
import type { FormProblem } from './form-fields.ts';

/** HTML that may stand in a page as it is. Made by {@link html} and {@link raw} only. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | false | undefined | readonly Html[];

/** Escapes what is put in, unless it is HTML already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => text + (i < parts.length ? partText(parts[i]) : '')).join(''));
}

/** A text that is known to be safe HTML. */
export function raw(text: string): Html {
  return new Html(text);
}

function partText(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map((one) => one.text).join('\n');
  return escapeHtml(String(part));
}

const ESCAPES: { readonly [char: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ESCAPES[char] ?? char);
}

export interface Paper {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param sendsTo further origins a form of the page may end at */
export function paper({
  title,
  body,
  sendsTo = [],
}: {
  readonly title: string;
  readonly body: Html;
  readonly sendsTo?: readonly string[];
}): Paper {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return {
    text: html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="referrer" content="no-referrer" />
          <meta name="robots" content="noindex" />
          <title>${title}</title>
          ${raw(`<style>${STYLE}</style>`)}
        </head>
        <body>
          <main>${body}</main>
        </body>
      </html> `.text,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; form-action ${["'self'", ...sendsTo].join(' ')}; base-uri 'none'; frame-ancestors 'none'`,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex',
      'cross-origin-opener-policy': 'same-origin',
    },
  };
}

/** A page that only says something. */
export function notePaper(title: string, text: string): Paper {
  return paper({
    title,
    body: html`<h1>${title}</h1>
      <p>${text}</p>`,
  });
}

/** Everything that is wrong, on top; each line leads to its field. */
export function problemList(problems: readonly FormProblem[]): Html {
  if (problems.length === 0) return html``;
  const count = problems.length === 1 ? 'One thing is' : `${problems.length} things are`;
  return html`<section class="bad" role="alert" tabindex="-1">
    <h2>${count} not right yet. Nothing was sent.</h2>
    <ul>
      ${problems.map(({ field, message }) => html`<li><a href="#f-${field}">${message}</a></li>`)}
    </ul>
  </section>`;
}

export function fieldList(fields: readonly FormField[], values: JsonObject, problems: readonly FormProblem[] = []): readonly Html[] {
  return fields.map((field) => fieldHtml(field, values[field.name] ?? null, problems.find((one) => one.field === field.name)?.message));
}

function fieldHtml(field: FormField, value: Json, problem: string | undefined): Html {
  const { name, kind, title, help, required } = field;
  const id = `f-${name}`;
  const described = [help ? `${id}-help` : '', problem ? `${id}-problem` : ''].filter((one) => one !== '').join(' ');
  const state = html`${described !== '' && raw(` aria-describedby="${escapeHtml(described)}"`)}${problem !== undefined && raw(' aria-invalid="true"')}`;
  const notes = html`${help !== undefined && html`<p class="help" id="${id}-help">${help}</p>`}${problem !== undefined && html`<p class="problem" id="${id}-problem">${problem}</p>`}`;
  const mark = required ? html` <span class="must">required</span>` : html``;
  switch (kind) {
    case 'boolean':
      return html`<div class="field">
        <label class="tick"
          ><input type="checkbox" id="${id}" name="${name}" value="true" ${isOn(value) && raw(' checked')}${state} />
          <span>${title}${mark}</span></label
        >${notes}
      </div>`;
    case 'choices':
      return html`<fieldset class="field" id="${id}" ${state}>
        <legend>${title}${mark}</legend>
        ${(field.options ?? []).map(
          (option) =>
            html`<label class="tick"
              ><input type="checkbox" name="${name}" value="${option.value}" ${listOf(value).includes(option.value) && raw(' checked')} />
              <span>${option.title || option.value}</span></label
            >`,
        )}${notes}
      </fieldset>`;
    case 'choice':
      return html`<div class="field">
        <label for="${id}">${title}${mark}</label
        ><select id="${id}" name="${name}" ${must(required)}${state}>
          <option value="">${required ? 'Choose' : 'None'}</option>
          ${(field.options ?? []).map(
            (option) =>
              html`<option value="${option.value}" ${textOf(value) === option.value && raw(' selected')}>
                ${option.title || option.value}
              </option>`,
          )}</select
        >${notes}
      </div>`;
    case 'long-text':
      return html`<div class="field">
        <label for="${id}">${title}${mark}</label
        ><textarea id="${id}" name="${name}" rows="5" ${must(required)}${state}>${raw('\n')}${textOf(value)}</textarea>${notes}
      </div>`;
    default:
      return html`<div class="field">
        <label for="${id}">${title}${mark}</label
        ><input
          id="${id}"
          name="${name}"
          type="${INPUT_TYPES[kind]}"
          ${kind === 'number' && raw(' step="any" inputmode="decimal"')}${kind !== 'file' && html` value="${textOf(value)}"`}${must(required)}${bounds(field)}${state}
        />${notes}
      </div>`;
  }
}

const INPUT_TYPES = { text: 'text', email: 'email', number: 'number', date: 'date', file: 'file' } as const;

function must(required: boolean | undefined): Html {
  return raw(required ? ' required' : '');
}

function bounds({ kind, min, max }: FormField): Html {
  const [least, most] = kind === 'text' || kind === 'email' ? ['minlength', 'maxlength'] : ['min', 'max'];
  if (kind === 'file') return html``;
  return html`${min !== undefined && html` ${raw(least)}="${min}"`}${max !== undefined && html` ${raw(most)}="${max}"`}`;
}

function isOn(value: Json): boolean {
  return value === true || value === 'true' || value === 'on';
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [value];
}

/** A value as people read it. */
export function textOf(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
}

const STYLE = `
:root{color-scheme:light dark;--app:#F5F7FA;--panel:#FFFFFF;--well:#F7F9FC;--line:#E3E8EF;--control:#76849B;--ink:#111827;--ink-2:#3F4B60;--ink-3:#566277;--accent:#2F66D6;--on-accent:#FFFFFF;--bad:#B82A35;--bad-soft:#FBEBEC;--ok:#116A46}
@media (prefers-color-scheme:dark){:root{--app:#0D1118;--panel:#121721;--well:#0C1017;--line:#222A38;--control:#5F6D86;--ink:#E9EDF5;--ink-2:#AEB8C9;--ink-3:#8592A8;--accent:#5B8DEF;--on-accent:#0A0D13;--bad:#F4787B;--bad-soft:#2A1B22;--ok:#4FC08D}}
*{box-sizing:border-box}
body{margin:0;background:var(--app);color:var(--ink);font:16px/24px Inter,system-ui,sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:640px;margin:0 auto;padding:32px 20px 64px}
@media (min-width:720px){main{margin:48px auto;padding:32px;background:var(--panel);border:1px solid var(--line);border-radius:14px}}
h1{font-size:24px;line-height:32px;margin:0 0 8px;letter-spacing:-.014em;overflow-wrap:anywhere}
h2{font-size:16px;line-height:24px;margin:24px 0 8px}
p{margin:0 0 12px}
a{color:var(--accent)}
.quiet,.help{color:var(--ink-3);font-size:14px;line-height:20px}
.message{margin:16px 0;overflow-wrap:anywhere}
.message pre,dd pre{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/20px ui-monospace,monospace;margin:0}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{border:1px solid var(--line);padding:4px 8px;text-align:left}
dl{margin:16px 0;border-top:1px solid var(--line)}
dl div{display:flex;flex-wrap:wrap;gap:4px 16px;padding:8px 0;border-bottom:1px solid var(--line)}
dt{flex:0 0 180px;color:var(--ink-2)}
dd{margin:0;flex:1 1 220px;font-weight:600;overflow-wrap:anywhere;white-space:pre-wrap}
.field{margin:0 0 20px;border:0;padding:0;min-width:0}
label,legend{display:block;font-weight:600;margin:0 0 6px;padding:0}
.must{font-weight:400;font-size:14px;color:var(--ink-3)}
.tick{display:flex;gap:10px;align-items:flex-start;font-weight:400;margin:0 0 8px}
.tick input{margin:3px 0 0;width:18px;height:18px;flex:none;accent-color:var(--accent)}
input:not([type=checkbox]),select,textarea{width:100%;min-height:44px;padding:9px 12px;border:1px solid var(--control);border-radius:6px;background:var(--well);color:var(--ink);font:inherit}
main [aria-invalid=true]:is(input,select,textarea){border-color:var(--bad)}
.help{margin:6px 0 0}
.problem{margin:6px 0 0;color:var(--bad);font-size:14px;line-height:20px}
.bad{margin:0 0 24px;padding:12px 16px;border:1px solid var(--bad);border-radius:10px;background:var(--bad-soft)}
.bad h2{margin:0 0 4px}.bad ul{margin:0;padding:0 0 0 20px}.bad a{color:var(--bad)}
.bar{display:flex;flex-wrap:wrap;gap:12px;margin-top:24px}
button{min-height:44px;padding:0 20px;border-radius:6px;border:1px solid var(--accent);background:var(--accent);color:var(--on-accent);font:inherit;font-weight:600;cursor:pointer}
button.danger{background:none;border-color:var(--bad);color:var(--bad)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.away{position:absolute;left:-9999px;width:1px;height:1px;overflow:hidden}
`;
