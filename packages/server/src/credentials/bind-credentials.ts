/**
 * Bindings of a workflow that is published: each credential it names, found by its key in the workflow's project, allowed by whoever
 * publishes. Who may not use a credential keeps what somebody else allowed before, as long as no node that uses it has changed.
 */
import { type Problem, type WorkflowDefinition, credentialUses } from '@plugboard/engine';
import {
  type Binding,
  ENVIRONMENT,
  type WorkspaceTransaction,
  findCredentialByKey,
  findWorkflow,
  getVersion,
  listBindings,
  listVersions,
  replaceBindings,
} from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import type { TypeIR } from '@plugboard/sdk';
import type { AccessSet, Actor } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { OperationProblem } from '../operation/problem.ts';

/** A credential that a node names. */
export interface NodeUse {
  readonly nodeIndex: number;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly key: string;
  readonly types: readonly string[];
  readonly path: string;
}

export type Actors = { readonly actor: Actor; readonly access: AccessSet };

/** Every credential the definition's enabled nodes name. */
export function usesOf(definition: WorkflowDefinition, catalog: Pick<Catalog, 'find'>): NodeUse[] {
  return definition.nodes.flatMap((node, nodeIndex) => {
    const type = catalog.find(node.type, node.data.typeVersion);
    if (!type || node.data.disabled === true) return [];
    const at = { nodeIndex, nodeId: node.id, nodeName: node.data.name };
    return credentialUses(type, node).map(({ key, types, path }) => ({ ...at, key, types, path: `nodes[${nodeIndex}].${path}` }));
  });
}

/** Types a slot of a node type takes. */
export function slotTypes(type: TypeIR, slot: string): readonly string[] {
  const param = Object.hasOwn(type.params, slot) ? type.params[slot] : undefined;
  return param?.kind === 'credential' ? param.types : (type.credentials ?? []).filter((one) => one === slot);
}

/** What is wrong with the credentials a definition names: missing ones, and those of a kind the node does not take. */
export async function credentialProblems(
  tx: WorkspaceTransaction,
  { projectId, environment, uses }: { readonly projectId: string; readonly environment: number; readonly uses: readonly NodeUse[] },
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const use of uses) {
    const credential = await findCredentialByKey(tx, { projectId, environment, key: use.key });
    if (!credential) problems.push(missing(use));
    else if (!use.types.includes(credential.type)) problems.push(wrongType(use, credential.type));
  }
  return problems;
}

export type CheckCredentials = (
  tx: WorkspaceTransaction,
  of: { readonly projectId: string; readonly definition: WorkflowDefinition },
) => Promise<readonly Problem[]>;

/** What a person who edits sees before they publish. */
export function createCheckCredentials(catalog: Pick<Catalog, 'find'>): CheckCredentials {
  return async (tx, { projectId, definition }) => {
    const uses = usesOf(definition, catalog);
    return uses.length === 0 ? [] : credentialProblems(tx, { projectId, environment: ENVIRONMENT.live, uses });
  };
}

export function createBind(catalog: Pick<Catalog, 'find'>) {
  /** @throws OperationProblem DEFINITION_INVALID, CREDENTIAL_USE_REQUIRED; nothing is published then */
  return async (
    ctx: Actors,
    tx: WorkspaceTransaction,
    { workflowId, definition }: { readonly workflowId: string; readonly definition: WorkflowDefinition },
  ): Promise<void> => {
    const environment = ENVIRONMENT.live;
    const uses = usesOf(definition, catalog);
    const before = await listBindings(tx, workflowId, environment);
    if (uses.length === 0 && before.length === 0) return;
    const workflow = await findWorkflow(tx, workflowId);
    if (!workflow) return;
    const { projectId } = workflow;
    const wrong = await credentialProblems(tx, { projectId, environment, uses });
    if (wrong.length > 0) {
      throw new OperationProblem(
        'DEFINITION_INVALID',
        `The workflow has ${wrong.length === 1 ? 'a problem' : `${wrong.length} problems`} with credentials; nothing was published`,
        {
          problems: wrong,
        },
      );
    }
    const unchanged = before.length === 0 ? new Set<string>() : await unchangedKeys(tx, workflowId, definition, uses);
    const bindings: Binding[] = [];
    const refused: Problem[] = [];
    for (const key of new Set(uses.map((use) => use.key))) {
      const credential = await findCredentialByKey(tx, { projectId, environment, key });
      if (!credential) continue;
      const { id } = credential;
      const granted = before.find((one) => one.key === key && one.credentialId === id);
      if (may(ctx, 'credential.use', { kind: 'credential', id, projectId }))
        bindings.push({ key, credentialId: id, grantedBy: ctx.actor.principalId });
      else if (granted && unchanged.has(key)) bindings.push(granted);
      else refused.push(...uses.filter((use) => use.key === key).map(useRequired));
    }
    if (refused.length > 0) {
      throw new OperationProblem('CREDENTIAL_USE_REQUIRED', refused.map((one) => one.message).join(' '), {
        problems: refused,
        hint: 'Ask for the role editor on these credentials, or let somebody publish who may use them.',
      });
    }
    if (!(await replaceBindings(tx, { workflowId, environment, bindings })))
      throw new OperationProblem('CONFLICT', 'A credential was deleted in between; nothing was published', { hint: 'Publish again.' });
  };
}

/** Keys whose nodes are as they were in the version before. */
async function unchangedKeys(
  tx: WorkspaceTransaction,
  workflowId: string,
  definition: WorkflowDefinition,
  uses: readonly NodeUse[],
): Promise<Set<string>> {
  const versions = await listVersions(tx, workflowId, { limit: 2 });
  const older = versions.at(-1);
  const previous = older && (await getVersion(tx, workflowId, older.n));
  if (!previous) return new Set();
  const textOf = (node: WorkflowDefinition['nodes'][number]): string => {
    const { typeVersion, params, credentials } = node.data;
    return JSON.stringify([node.type, typeVersion, params, credentials ?? {}]);
  };
  // A node that was switched off was no use of its credential, and nobody was asked about it.
  const old = new Map(previous.definition.nodes.filter((node) => node.data.disabled !== true).map((node) => [node.id, textOf(node)]));
  const changed = new Set(definition.nodes.filter((node) => old.get(node.id) !== textOf(node)).map((node) => node.id));
  const touched = new Set(uses.filter((use) => changed.has(use.nodeId)).map((use) => use.key));
  return new Set(uses.map((use) => use.key).filter((key) => !touched.has(key)));
}

function about(use: NodeUse): Pick<Problem, 'severity' | 'nodeId' | 'path' | 'params'> {
  return { severity: 'error', nodeId: use.nodeId, path: use.path, params: { node: use.nodeName, key: use.key } };
}

function missing(use: NodeUse): Problem {
  return {
    ...about(use),
    code: 'CREDENTIAL_MISSING',
    message: `"${use.nodeName}" uses the credential "${use.key}", and its project has none with this key.`,
    hint: 'Make one with this key, or choose another credential.',
  };
}

function wrongType(use: NodeUse, type: string): Problem {
  return {
    ...about(use),
    code: 'CREDENTIAL_TYPE_WRONG',
    message: `"${use.nodeName}" uses the credential "${use.key}", which is of the kind ${type}.`,
    hint: `It takes: ${use.types.join(', ')}.`,
    params: { node: use.nodeName, key: use.key, type },
  };
}

function useRequired(use: NodeUse): Problem {
  return {
    ...about(use),
    code: 'CREDENTIAL_USE_REQUIRED',
    message: `"${use.nodeName}" uses the credential "${use.key}", which you may not use.`,
    hint: 'Ask for the role editor on the credential.',
  };
}
