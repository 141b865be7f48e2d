/** Approvals and forms put onto the server: what steps ask with, the addresses people answer at, and what has to be told in time. */
import type Router from '@koa/router';
import type { IncomingMessage } from 'node:http';
import type { Database } from '@plugboard/persistence';
import type { AskingOfSteps } from '@plugboard/runner';
import { createRateLimit } from '../edge/rate-limit.ts';
import type { FileService } from '../files/file-service.ts';
import { formRoutes } from '../forms/form-routes.ts';
import { createFormService } from '../forms/form-service.ts';
import type { Operation } from '../operation/operation.ts';
import type { Sweep } from '../operations/sweepers.ts';
import { approvalSweeps } from './approval-notices.ts';
import { approvalOperations } from './approval-operations.ts';
import { approvalRoutes } from './approval-routes.ts';
import { createApprovalService } from './approval-service.ts';
import { createAskedAddresses } from './asked-address.ts';

export interface ServerApprovals {
  readonly asking: AskingOfSteps;
  readonly operations: readonly Operation[];
  readonly routes: readonly Router[];
  readonly sweeps: readonly Sweep[];
  /** The address at which whoever has it answers a step. */
  askUrl(kind: 'approval' | 'form', runId: string, place: string): string;
  /** The address at which one person decides. */
  personUrl(approvalId: string, principalId: string): string;
}

export interface ServerApprovalsOptions {
  readonly database: Database;
  readonly files: FileService;
  /** 32 bytes the addresses are made with. */
  readonly key: Uint8Array;
  readonly systemPrincipalId: string;
  /** A run has something in its inbox. */
  readonly wake: () => void;
  /** Pages that show approvals look again. */
  readonly onChanged: (change: { readonly workspaceId: string; readonly kind: string; readonly id: string }) => void;
  readonly bodyLimit: (workspaceId: string) => number;
  readonly pageUrl: () => string;
  readonly addressOf: (req: IncomingMessage) => string;
}

/** Of one address: enough for an office behind one, too little to guess with. */
const ASKS_PER_SECOND = 5;
const ASKS_AT_ONCE = 60;

export function createServerApprovals(options: ServerApprovalsOptions): ServerApprovals {
  const { database, files, systemPrincipalId, wake, pageUrl, addressOf } = options;
  const addresses = createAskedAddresses(options.key);
  const onChanged = ({ workspaceId, id }: { readonly workspaceId: string; readonly id: string }): void =>
    options.onChanged({ workspaceId, id, kind: 'approval' });
  const approvals = createApprovalService({ database, systemPrincipalId, onOpened: onChanged });
  const forms = createFormService({ database, systemPrincipalId });
  const limit = createRateLimit({ perSecond: ASKS_PER_SECOND, burst: ASKS_AT_ONCE });
  const mayAsk = (address: string): boolean => limit.take(address, performance.now());
  return {
    asking: { openApproval: (owner, request) => approvals.open(owner, request), openForm: (owner, request) => forms.open(owner, request) },
    operations: approvalOperations({ approvals, wake }),
    routes: [
      approvalRoutes({ database, addresses, approvals, systemPrincipalId, wake, onChanged, pageUrl, addressOf, mayAsk }),
      formRoutes({ database, addresses, forms, files, wake, bodyLimit: options.bodyLimit, addressOf, mayAsk }),
    ],
    sweeps: approvalSweeps({ database, systemPrincipalId, onChanged }),
    askUrl: (kind, runId, place) => pageUrl() + addresses.pathOf({ kind, runId, place }),
    personUrl: (approvalId, principalId) => pageUrl() + addresses.pathOf({ kind: 'person', approvalId, principalId }),
  };
}
