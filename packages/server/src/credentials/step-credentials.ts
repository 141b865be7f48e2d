/**
 * Credentials of steps, looked up anew for every request: what was revoked or deleted is of no use from then on. A published run acts as its
 * workflow, with what was bound when it was published; a draft run as the person who started it, with the rights they have now.
 */
import { type Database, findCredentialByKey, findWorkflow, listBindings, loadAccess } from '@plugboard/persistence';
import type { CredentialCall, StepCredentials } from '@plugboard/runner';
import { accessSetOf, decideAccess } from '../access/access.ts';
import { slotTypes } from './bind-credentials.ts';
import { missing, notAllowed, unusable } from './credential-failures.ts';
import type { CredentialSender } from './credential-sender.ts';
import type { CredentialStore, OpenedCredential } from './credential-store.ts';
import { throughOutages } from '../runs/through-outages.ts';
import { SealBrokenError } from '../vault/sealed.ts';

const DRAFT = 0;

export interface StepCredentialsOptions {
  readonly database: Database;
  readonly store: CredentialStore;
  readonly sender: CredentialSender;
  readonly systemPrincipalId: string;
}

export function createStepCredentials({ database, store, sender, systemPrincipalId }: StepCredentialsOptions): StepCredentials {
  const resolve = (call: CredentialCall): Promise<OpenedCredential> => throughOutages(() => lookUp(call));

  const lookUp = async (call: CredentialCall): Promise<OpenedCredential> => {
    const id = call.environment === DRAFT ? await ofDraft(call) : await bound(call);
    const opened = await opening(call, id);
    const types = slotTypes(call.type, call.slot.name);
    if (!types.includes(opened.row.type))
      throw missing(call.node.name, call.key, `it is of the kind ${opened.type.title}, which the step does not take`);
    return opened;
  };

  const bound = (call: CredentialCall): Promise<string> =>
    store.inWorkspace(call.workspaceId, async (tx) => {
      const binding = (await listBindings(tx, call.workflowId, call.environment)).find((one) => one.key === call.key);
      if (!binding) throw notAllowed(call.node.name, call.key, 'it was not allowed when the workflow was published. Publish it again');
      return binding.credentialId;
    });

  const ofDraft = async (call: CredentialCall): Promise<string> => {
    const { workspaceId, workflowId, environment, key, initiator } = call;
    const credential = await store.inWorkspace(workspaceId, async (tx) => {
      const workflow = await findWorkflow(tx, workflowId);
      return workflow && findCredentialByKey(tx, { projectId: workflow.projectId, environment, key });
    });
    if (!credential) throw missing(call.node.name, key);
    if (initiator === systemPrincipalId) return credential.id;
    const access = initiator === undefined ? undefined : await loadAccess(database, { workspaceId, principalId: initiator });
    const { id, projectId } = credential;
    const decision =
      access &&
      decideAccess({ kind: 'person', principalId: access.principalId }, accessSetOf(access), 'credential.use', {
        kind: 'credential',
        id,
        projectId,
      });
    if (decision?.kind !== 'allowed') throw notAllowed(call.node.name, key, 'whoever started the draft may not use it');
    return id;
  };

  const opening = async (call: CredentialCall, credentialId: string): Promise<OpenedCredential> => {
    try {
      const opened = await store.read(call.workspaceId, credentialId);
      if (opened) return opened;
    } catch (error) {
      if (error instanceof SealBrokenError) throw unusable('its secret does not open with the keys of this server. Enter it again');
      throw error;
    }
    throw missing(call.node.name, call.key, 'it was deleted, or its plugin is gone');
  };

  return {
    async fetch(call, { input, init }) {
      return sender.send(await resolve(call), { input, init, isRedirected: call.slot.isRedirected });
    },
    async open(call) {
      const { type, values } = await resolve(call);
      if (type.exposed === true) return values;
      throw unusable(`${type.title} is used by the server for requests over HTTP; its secrets are not given to steps`);
    },
  };
}
