/** What a poll reaches of the server: requests, credentials, files and connections of the workflow it is a part of. */
import type { CallSpec, PlanNode, RpcOp, Sink } from '@plugboard/engine';
import type { CredentialCall, LoadedPlan, StepCredentials, StepOwner, StepPorts } from '@plugboard/runner';
import { type Json, StepFailure } from '@plugboard/sdk';

export interface PollReach {
  readonly fetch: typeof globalThis.fetch;
  readonly credentials: StepCredentials;
  readonly ports: Pick<StepPorts, 'filesOf' | 'connectOf'>;
}

/** The trigger that asks, and the run that what it finds would start. */
export interface PollOwner {
  readonly loaded: LoadedPlan;
  readonly node: PlanNode;
  /** Moves on with each page: files belong to the run they come with. */
  runId: string;
  /** Who tries it; absent where it asks by itself. */
  readonly initiator?: string;
}

/** Longest time of one poll, in milliseconds. */
export const POLL_DEADLINE_MS = 100_000;

export function pollSink({ fetch, credentials, ports }: PollReach, of: PollOwner): Sink {
  const { loaded, node, initiator } = of;
  const { workspaceId, workflowId, environment } = loaded;
  const owner = (): StepOwner => ({
    workspaceId,
    workflowId,
    environment,
    version: loaded.version,
    runId: of.runId,
    originRunId: of.runId,
    rootRunId: of.runId,
    depth: 0,
    nodeId: node.id,
    place: node.id,
    ...(initiator === undefined ? {} : { initiator }),
  });
  const credentialCall = (key: string, slot: CredentialCall['slot']): CredentialCall => ({
    workspaceId,
    workflowId,
    environment,
    runId: of.runId,
    ...(initiator === undefined ? {} : { initiator }),
    node: { id: node.id, name: node.name },
    key,
    type: node.type,
    slot,
  });
  const open = async (op: RpcOp): Promise<Json> => {
    const key = op.op === 'credential.open' ? node.credentials[op.slot] : undefined;
    if (op.op !== 'credential.open' || key === undefined)
      throw new StepFailure('NOT_AVAILABLE', 'A trigger that asks has no such thing.', { kind: 'input' });
    return credentials.open(credentialCall(key, { name: op.slot, isRedirected: false }));
  };
  return {
    outcomes: () => undefined,
    log: () => undefined,
    rpc: open,
    fetch,
    signedFetch(slot, input, init) {
      const key = node.credentials[slot.name];
      return key === undefined ? fetch(input, init) : credentials.fetch(credentialCall(key, slot), { input, init });
    },
    files: {
      open: (file) => ports.filesOf(owner()).open(file),
      find: (id) => ports.filesOf(owner()).find(id),
      create: (content, meta) => ports.filesOf(owner()).create(content, meta),
    },
    connect: (where, signal) => ports.connectOf(owner())(where, signal),
  };
}

let calls = 0;

export function pollCall({ loaded, node, runId }: PollOwner): CallSpec {
  calls += 1;
  return {
    call: calls,
    type: node.typeName,
    version: node.version,
    node: { id: node.id, name: node.name },
    run: {
      id: runId,
      workflowId: loaded.workflowId,
      workflowName: loaded.workflowName,
      workspaceId: loaded.workspaceId,
      version: loaded.version,
      environment: loaded.environment === 0 ? 'draft' : 'live',
    },
    now: new Date().toISOString(),
    attempt: 1,
    deadlineMs: POLL_DEADLINE_MS,
    concurrency: 1,
    slots: Object.keys(node.credentials),
    constants: node.params.constants,
    inputs: {},
  };
}
