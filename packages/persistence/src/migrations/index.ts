/** Every migration, in order. Listed by hand: what runs against a database is never found by looking into folders. */
import { coreTables } from './0001-core-tables.ts';
import { runTables } from './0002-run-tables.ts';
import { peopleTables } from './0003-people-tables.ts';
import { workspaceTables } from './0004-workspace-tables.ts';
import { listsAndLive } from './0005-lists-and-live.ts';
import { vault } from './0006-vault.ts';
import { files } from './0007-files.ts';
import { hooks } from './0008-hooks.ts';
import { people } from './0009-people.ts';
import { draftsAndJobs } from './0010-drafts-and-jobs.ts';
import { runsKept } from './0011-runs-kept.ts';
import { noticesAndLevels } from './0012-notices-and-levels.ts';
import { approvals } from './0013-approvals.ts';
import { calledRuns } from './0014-called-runs.ts';
import { schedules } from './0015-schedules.ts';
import { runsAgain } from './0016-runs-again.ts';
import { runSnapshots } from './0017-run-snapshots.ts';
import { flowControl } from './0018-flow-control.ts';
import { turnOrder } from './0019-turn-order.ts';
import { runSpending } from './0020-run-spending.ts';
import { failedStep } from './0021-failed-step.ts';
import { runTrees } from './0022-run-trees.ts';
import type { Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [
  coreTables,
  runTables,
  peopleTables,
  workspaceTables,
  listsAndLive,
  vault,
  files,
  hooks,
  people,
  draftsAndJobs,
  runsKept,
  noticesAndLevels,
  approvals,
  calledRuns,
  schedules,
  runsAgain,
  runSnapshots,
  flowControl,
  turnOrder,
  runSpending,
  failedStep,
  runTrees,
];

/** The oldest schema this release still runs on; a process that does not migrate accepts it while another one does. */
export const OLDEST_SCHEMA = 4;
export const NEWEST_SCHEMA = MIGRATIONS.length;
