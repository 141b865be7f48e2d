/** The questions of a form as parameters, the same for approvals, forms in a run and forms that start one. */
import { type FormField, type FormFieldKind, type Json, p } from '@plugboard/sdk';

const KINDS = {
  text: 'Text',
  'long-text': 'Long text',
  email: 'E-mail address',
  number: 'Number',
  boolean: 'Yes or no',
  date: 'Date',
  choice: 'One of several',
  choices: 'Any of several',
  file: 'File',
} as const;

export const { file: _, ...kindsWithoutFile } = KINDS;
export const fieldKinds = KINDS;

/** What every field is asked for besides its kind. `deny` where the form is served before any run. */
export function fieldParams(expr: 'allow' | 'deny') {
  return {
    name: p
      .text()
      .title('Name')
      .help('What its value is called: a letter, then letters, digits or _.')
      .pattern('[A-Za-z][A-Za-z0-9_]{0,63}')
      .expr('deny')
      .required(),
    title: p.text().title('Label').help('Left empty: the name.').max(300).expr(expr),
    value: p.json().title('Value').help('What stands in it at first.').expr(expr),
    required: p.boolean().title('Has to be filled in').expr('deny').default(false),
    help: p.text().title('Help').help('A sentence below it.').max(1000).expr(expr),
    options: p
      .list(p.object({ value: p.text().title('Value').max(300).expr(expr).required(), title: p.text().title('Label').max(300).expr(expr) }))
      .title('Choices')
      .help('Of fields that choose.')
      .max(500)
      .expr(expr),
    min: p.text().title('Least').help('Characters, a number, how many are chosen, or a date such as 2026-01-31.').max(10).expr(expr),
    max: p.text().title('Most').help('As above.').max(10).expr(expr),
  };
}

export interface FieldValues {
  readonly name: string;
  readonly kind: FormFieldKind;
  readonly title?: string;
  readonly value?: Json;
  readonly required: boolean;
  readonly help?: string;
  readonly options?: readonly { readonly value: string; readonly title?: string }[];
  readonly min?: string;
  readonly max?: string;
}

/** As the server is asked. */
export function formField({ name, kind, title, value, required, help, options = [], min, max }: FieldValues): FormField {
  return {
    name,
    kind,
    title: title || name,
    required,
    ...(value === undefined ? {} : { value }),
    ...(help ? { help } : {}),
    ...(options.length === 0 ? {} : { options: options.map((option) => ({ value: option.value, title: option.title ?? '' })) }),
    ...(min?.trim() ? { min: min.trim() } : {}),
    ...(max?.trim() ? { max: max.trim() } : {}),
  };
}
