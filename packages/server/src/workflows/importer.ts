/** Workflows taken in from files: one or many, each a new workflow, a new draft or a new version of the one that has its name. */
import type { Problem, WorkflowDefinition } from '@plugboard/engine';
import { type WorkspaceTransaction, createWorkflow, findWorkflow, findWorkflowByName, hookPrefix } from '@plugboard/persistence';
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Resource } from '../access/access.ts';
import { replaceDraft } from '../drafts/draft-edits.ts';
import { parseJson } from '../edge/read-body.ts';
import { demand, may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { type Definitions, hookAddress, semanticHash } from './definitions.ts';
import type { Publisher } from './publisher.ts';
import { nameTaken, projectResource } from './workflow-access.ts';

/** What a file with many workflows says it is. */
export const BUNDLE = 'plugboard/workflows' as const;
export const MAX_BUNDLE = 200;

export interface ImportOne {
  readonly definition: WorkflowDefinition;
  readonly warnings: readonly Problem[];
  readonly publish: boolean;
  readonly note?: string | undefined;
  readonly projectId?: string | undefined;
}

export interface Imported {
  readonly workflowId: string;
  readonly name: string;
  readonly created: boolean;
  readonly version?: number;
  readonly unchanged?: boolean;
  readonly hooks: { readonly method: string; readonly path: string }[];
  readonly warnings: { readonly [name: string]: unknown; code: string; severity: string; path: string; message: string }[];
}

export function createImporter({ definitions, publisher }: { readonly definitions: Definitions; readonly publisher: Publisher }) {
  /** @throws OperationProblem */
  return async (ctx: OperationContext, tx: WorkspaceTransaction, input: ImportOne): Promise<Imported> => {
    const { definition } = input;
    const found = await findWorkflowByName(tx, definition.name);
    let workflow: { readonly id: string; readonly projectId: string } | undefined = found;
    let created = false;
    if (!workflow) {
      const project = await projectResource(tx, ctx, input.projectId);
      if (!project) throw notFound('The project that takes new workflows is not there', 'Restore it from the trash, or name another one.');
      demand(ctx, 'workflow.create', project);
      const made = await createWorkflow(tx, { projectId: project.id, definition, semanticHash: semanticHash(definition) });
      created = made.kind === 'created';
      workflow = made.kind === 'created' ? made.workflow : await findWorkflow(tx, made.workflowId);
      if (!workflow) throw notFound();
    }
    const resource: Resource = { kind: 'workflow', id: workflow.id, projectId: workflow.projectId };
    if (!created) {
      // Names are unique in the workspace: of one that is hidden only that it exists is told.
      if (!may(ctx, 'workflow.read', resource)) throw nameTaken(definition.name);
      demand(ctx, 'workflow.edit', resource);
      await replaceDraft(tx, { workflowId: workflow.id, definition });
    }
    if (input.publish) demand(ctx, 'workflow.publish', resource);
    const published = input.publish
      ? await publisher.publishNow(ctx, tx, { workflowId: workflow.id, definition, note: input.note })
      : undefined;
    const prefix = await hookPrefix(tx, ctx.workspaceId);
    return {
      workflowId: workflow.id,
      name: definition.name,
      created,
      ...(published ? { version: published.version } : {}),
      ...(published?.unchanged ? { unchanged: true } : {}),
      hooks: input.publish
        ? definitions.hooks(definition).map(({ method, pattern }) => ({ method, path: hookAddress(pattern, prefix) }))
        : [],
      warnings: input.warnings.map((one) => ({ ...one })),
    };
  };
}

/**
 * Every workflow of a text: JSON or YAML, one workflow, a list of them, a bundle, or several YAML documents.
 * @throws OperationProblem INPUT_INVALID saying where the text cannot be read
 */
export function readWorkflowTexts(text: string): readonly unknown[] {
  const start = text.trimStart();
  const values = start.startsWith('{') || start.startsWith('[') ? [jsonOf(text)] : yamlDocuments(text);
  return values.flatMap(workflowsIn);
}

/** A list and a bundle hold several; anything else is one. */
export function workflowsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const isBundle = typeof value === 'object' && value !== null && Object.hasOwn(value, 'format');
  if (!isBundle) return [value];
  const { format, workflows } = value as { readonly format?: unknown; readonly workflows?: unknown };
  if (format !== BUNDLE || !Array.isArray(workflows))
    throw new OperationProblem('INPUT_INVALID', `A file with a format is a bundle: { "format": "${BUNDLE}", "workflows": [...] }`, {
      path: 'input.text',
    });
  return workflows;
}

function jsonOf(text: string): unknown {
  // The way of every body: what is refused there is refused here.
  const parsed = parseJson(Buffer.from(text));
  if (!parsed.ok) throw new OperationProblem('INPUT_INVALID', parsed.problem.message, { path: 'input.text' });
  return parsed.value;
}

function yamlDocuments(text: string): readonly unknown[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const wrong = documents.flatMap((document) => document.errors);
  if (wrong.length > 0) {
    const places = wrong.slice(0, 20).map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `line ${line}, column ${col}: ${(error.message.split('\n', 1)[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')}`;
    });
    throw new OperationProblem('INPUT_INVALID', `The file is neither JSON nor YAML: ${places.join('; ')}`, { path: 'input.text' });
  }
  try {
    return documents.map((document) => jsonOf(JSON.stringify(document.toJS({ maxAliasCount: 50 }) ?? null)));
  } catch (error) {
    if (error instanceof OperationProblem) throw error;
    throw new OperationProblem('INPUT_INVALID', `The file is no usable YAML: ${error instanceof Error ? error.message : ''}`, {
      path: 'input.text',
    });
  }
}
