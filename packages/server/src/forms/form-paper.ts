/** The page of a form, empty or as it was filled in with what is wrong. */
import type { FormField, FormRequest, JsonObject } from '@plugboard/sdk';
import type { FormProblem } from './form-fields.ts';
import { type Html, type Paper, fieldList, html, paper, problemList, raw } from './paper.ts';
import { safeMarkdown } from './safe-markdown.ts';

export interface FormPaper extends Pick<FormRequest, 'title' | 'message' | 'fields' | 'submit'> {
  /** What was filled in; absent for a new form, which shows its defaults. */
  readonly given?: JsonObject | undefined;
  readonly problems?: readonly FormProblem[];
  /** What else the form sends. */
  readonly hidden?: readonly Html[];
  /** Origins the answer may lead to. */
  readonly sendsTo?: readonly string[];
}

export function formPaper({ title, message, fields, submit, given, problems = [], hidden = [], sendsTo = [] }: FormPaper): Paper {
  const hasFile = fields.some(({ kind }) => kind === 'file');
  return paper({
    title,
    sendsTo,
    body: html`<h1>${title}</h1>
      ${message !== undefined && message !== '' && html`<div class="message">${raw(safeMarkdown(message))}</div>`} ${problemList(problems)}
      <form method="post" ${hasFile && raw(' enctype="multipart/form-data"')} novalidate>
        ${fieldList(fields, given ?? defaults(fields), problems)} ${hidden}
        <div class="bar"><button>${submit || 'Send'}</button></div>
      </form>`,
  });
}

function defaults(fields: readonly FormField[]): JsonObject {
  return Object.fromEntries(fields.map(({ name, value }) => [name, value ?? null]));
}
