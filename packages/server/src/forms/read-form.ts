/** What somebody sent from a form, read and checked: values, and the files of its fields. Files of a form that is refused are taken away again. */
import type { IncomingMessage } from 'node:http';
import type { FileRef, FormField, JsonObject } from '@plugboard/sdk';
import type { FileOwner, FileService } from '../files/file-service.ts';
import { USUAL_FILE_BYTES } from '../hooks/hook-spec.ts';
import { type BodyRefusal, receiveBody } from '../hooks/incoming-body.ts';
import type { FormProblem } from './form-fields.ts';
import { asObject, sortForm } from './sort-form.ts';

export type SentForm =
  | { readonly kind: 'good'; readonly values: JsonObject; readonly files: { readonly [name: string]: FileRef } }
  | { readonly kind: 'wrong'; readonly given: JsonObject; readonly problems: readonly FormProblem[] }
  | { readonly kind: 'refused'; readonly problem: BodyRefusal };

export interface ReadForm {
  readonly fields: readonly FormField[];
  readonly files: FileService;
  readonly owner: FileOwner;
  /** Bytes of its texts. */
  readonly bodyLimit: number;
  /** Bytes of all its files. @default 16 MiB */
  readonly fileLimit?: number | undefined;
}

export async function readForm(
  req: IncomingMessage,
  { fields, files, owner, bodyLimit, fileLimit = USUAL_FILE_BYTES }: ReadForm,
): Promise<SentForm> {
  const received = await receiveBody(req, { bodyLimit, mode: 'auto', files, fileLimit, owner });
  if (!received.ok) return { kind: 'refused', problem: received.problem };
  const given = asObject(received.body);
  const sent = Object.entries(received.files ?? {});
  const checked = await sortForm({ fields, given, sent, drop: (file) => files.remove(owner.workspaceId, file.id) });
  return checked.ok ? { kind: 'good', ...checked } : { kind: 'wrong', given, problems: checked.problems };
}
