/** Runs: started, listed, looked into, controlled. */
import type { LeasedOwnership } from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import type { Operation } from '../operation/operation.ts';
import type { Definitions } from '../workflows/definitions.ts';
import type { PlanStore } from './plan-store.ts';
import { createRerun } from './rerun.ts';
import { rerunOperations } from './rerun-operations.ts';
import { createRunAccess } from './run-access.ts';
import { runCalledOperations } from './run-called-operations.ts';
import { runChainOperations } from './run-chain-operations.ts';
import { runControlOperations } from './run-control-operations.ts';
import { runLaunchOperations } from './run-launch-operations.ts';
import { createRunLauncher } from './run-launcher.ts';
import { runListOperations } from './run-list-operations.ts';
import { runReadOperations } from './run-read-operations.ts';
import { stepDataOperations } from './step-data-operations.ts';
import type { StoredRuns } from './stored-runs.ts';

export interface RunOperationsOptions {
  readonly runner: Runner;
  readonly plans: PlanStore;
  readonly stored: StoredRuns;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly definitions: Definitions;
}

export function runOperations({ runner, plans, stored, ownership, definitions }: RunOperationsOptions): readonly Operation[] {
  const access = createRunAccess(stored);
  const launcher = createRunLauncher({ runner, plans, definitions });
  const rerun = createRerun({ runner, access, launcher });

  return [
    ...runLaunchOperations({ access, launcher, plans, definitions, rerun }),
    ...rerunOperations({ access, rerun }),
    ...runListOperations(access, stored),
    ...runReadOperations(access, stored),
    ...runCalledOperations(access),
    ...runChainOperations({ access, runner, ownership }),
    ...stepDataOperations(access),
    ...runControlOperations({ access, runner, ownership }),
  ];
}
