/** What a step asks people: the approval it opens, the form it has filled in. Both are data: the server shows them and takes the answers. */
import type { Instant } from './wait.ts';
import type { Json } from './json.ts';

export const FORM_FIELD_KINDS = ['text', 'long-text', 'email', 'number', 'boolean', 'date', 'choice', 'choices', 'file'] as const;
export type FormFieldKind = (typeof FORM_FIELD_KINDS)[number];

/** One question of a form. */
export interface FormField {
  /** What its value is called: a letter, then letters, digits or _, at most 64. */
  readonly name: string;
  readonly title: string;
  readonly kind: FormFieldKind;
  readonly help?: string;
  /** @default false */
  readonly required?: boolean;
  readonly value?: Json;
  /** Of `choice` and `choices`. */
  readonly options?: readonly { readonly value: string; readonly title: string }[];
  /** Characters of texts, the value of numbers, how many of several choices, dates as text such as 2026-01-31. */
  readonly min?: number | string;
  readonly max?: number | string;
}

/** Persons by e-mail address, roles (that one or a higher), teams by name; whoever is one of them. */
export interface Deciders {
  readonly persons?: readonly string[];
  readonly roles?: readonly string[];
  readonly teams?: readonly string[];
}

export interface ApprovalRequest {
  readonly title: string;
  /** Markdown. */
  readonly message?: string;
  /** What is shown. Those with `edit` may be changed by whoever decides, and go on as they were left. */
  readonly fields?: readonly (FormField & { readonly edit?: boolean })[];
  /** Nobody named: whoever may edit the workflow. */
  readonly deciders: Deciders;
  /** So many have to approve; one rejection ends it. @default 1 */
  readonly needed?: number;
  /** Whether the person who started the run may decide too. @default true */
  readonly requesterMay?: boolean;
  /** @default 'never' */
  readonly commentOn?: 'never' | 'rejection' | 'always';
  /** Whoever has the address `$run.approval["name of the step"]` may decide, once. @default false */
  readonly byLink?: boolean;
  /** No decision counts from then on; the wait's own instant. */
  readonly until?: Instant;
  readonly remind?: { readonly afterMs: number; readonly everyMs: number; readonly atMost: number };
  /** Further people who may decide from then on. */
  readonly escalate?: Deciders & { readonly afterMs: number };
}

export interface FormRequest {
  readonly title: string;
  /** Markdown, above the fields. */
  readonly message?: string;
  readonly fields: readonly FormField[];
  /** What the button says. @default 'Send' */
  readonly submit?: string;
  /** Shown afterwards. @default 'Thank you.' */
  readonly thanks?: string;
  readonly until?: Instant;
}

/** People decide; the step then returns `waitForApproval`. Asking again in the same step of the same run gives the same approval. */
export interface StepApprovals {
  open(request: ApprovalRequest): Promise<{ readonly id: string }>;
}

/** Somebody fills it in at `$run.form["name of the step"]`; the step then returns `waitForForm`. */
export interface StepForms {
  open(request: FormRequest): Promise<{ readonly id: string }>;
}
