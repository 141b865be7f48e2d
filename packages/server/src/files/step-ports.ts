/** What steps reach of the server besides requests: `ctx.files`, `ctx.state`, `ctx.connect`. */
import { type Database, claimPluginKeys, inWorkspace, readPluginState, writePluginState } from '@plugboard/persistence';
import type { AskingOfSteps, CallsOfSteps, LimitsOfSteps, SpendingOfSteps, StateOfSteps, StepOwner, StepPorts } from '@plugboard/runner';
import { type FileRef, StepFailure } from '@plugboard/sdk';
import { Readable } from 'node:stream';
import type { BrokeredConnect } from '../egress/brokered-connect.ts';
import { throughOutages } from '../runs/through-outages.ts';
import { FileRefusedError, type FileService } from './file-service.ts';

export interface StepPortsOptions {
  readonly database: Database;
  readonly files: FileService;
  readonly connect: BrokeredConnect;
  /** Absent where there is nobody to ask. */
  readonly asking?: AskingOfSteps;
  readonly calls?: CallsOfSteps;
  readonly limits?: LimitsOfSteps;
  readonly spending?: SpendingOfSteps;
  readonly systemPrincipalId: string;
}

const DAY_MS = 24 * 60 * 60_000;
/** Keys one node keeps between runs; of taken ones the oldest give way. */
const MAX_VALUES = 10_000;
const MAX_TAKEN = 1_000_000;
const KEEP_MS = 90 * DAY_MS;
const KEEP_MS_MAX = 3650 * DAY_MS;

export function createStepPorts({
  database,
  files,
  connect,
  asking,
  calls,
  limits,
  spending,
  systemPrincipalId,
}: StepPortsOptions): StepPorts {
  return {
    filesOf: (owner) => ({
      async open(file) {
        const reader = { workspaceId: owner.workspaceId, reader: { workflowId: owner.workflowId } };
        const opened = await asStepFailure(throughOutages(() => files.open(reader, file.id)));
        return Readable.toWeb(opened.content) as ReadableStream<Uint8Array>;
      },
      async find(id) {
        const reader = { workspaceId: owner.workspaceId, reader: { workflowId: owner.workflowId } };
        const file = await asStepFailure(throughOutages(() => files.find(reader, id)));
        return { id: file.id, name: file.name, mime: file.mime, size: file.sizeBytes, sha256: file.hash };
      },
      create(content, meta) {
        const bytes = content instanceof Uint8Array ? oneChunk(content) : (content as unknown as AsyncIterable<Uint8Array>);
        const { runId, workflowId, initiator } = owner;
        const who = { workspaceId: owner.workspaceId, principalId: initiator, origin: { runId, workflowId } };
        return asStepFailure<FileRef>(files.save(who, bytes, { name: meta.name, mime: meta.mime }));
      },
    }),
    connectOf: () => connect.open,
    state: stateOf(database, systemPrincipalId),
    ...(asking && { asking: patientAsking(asking) }),
    ...(calls && { calls: { start: (owner, call, signal) => throughOutages(() => calls.start(owner, call, signal), { signal }) } }),
    ...(limits && { limits }),
    ...(spending && { spending }),
  };
}

function patientAsking(asking: AskingOfSteps): AskingOfSteps {
  return {
    openApproval: (owner, request) => throughOutages(() => asking.openApproval(owner, request)),
    openForm: (owner, request) => throughOutages(() => asking.openForm(owner, request)),
  };
}

function stateOf(database: Database, systemPrincipalId: string): StateOfSteps {
  const inScope = <Result>({ workspaceId }: StepOwner, use: Parameters<typeof inWorkspace<Result>>[2]) =>
    throughOutages(() => inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, use));
  return {
    get: (owner, key) => inScope(owner, async (tx) => (await readPluginState(tx, owner, key)) ?? null),
    async set(owner, key, value) {
      const result = await inScope(owner, (tx) => writePluginState(tx, owner, key, value, MAX_VALUES));
      if (result === 'full')
        throw new StepFailure(
          'STATE_FULL',
          `The step keeps ${MAX_VALUES} values between runs already, the most there may be. Take some away.`,
        );
    },
    async claim(owner, keys, keepMs = KEEP_MS) {
      const claim = { keys, runId: owner.originRunId, keepMs: Math.min(Math.max(keepMs, 0), KEEP_MS_MAX), maxKeys: MAX_TAKEN };
      const taken = await inScope(owner, (tx) => claimPluginKeys(tx, owner, claim));
      return [...taken];
    },
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function asStepFailure<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof FileRefusedError)) throw error;
    // A content that failed tells why itself, such as a connection that broke.
    if (error.code === 'FILE_BROKEN_OFF' && error.cause instanceof Error) throw error.cause;
    throw new StepFailure(error.code, error.message, { cause: error });
  }
}
