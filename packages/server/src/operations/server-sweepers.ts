/** Everything the server clears away, from its settings. */
import { join } from 'node:path';
import type { ContentStore, Database, RunPayloads } from '@plugboard/persistence';
import { fileSweeps } from '../files/file-sweep.ts';
import type { Logger } from '../log.ts';
import { notificationSweeps } from '../notifications/notification-sweeps.ts';
import { workspaceSweep } from '../people/workspace-sweep.ts';
import type { Settings } from '../settings/settings.ts';
import { retentionSweeps } from './retention.ts';
import { type Sweep, type Sweepers, startSweepers, tableSweeps } from './sweepers.ts';

export interface ServerSweepersOptions {
  readonly database: Database;
  /** Key of the hashes of the audit log. */
  readonly auditKey: Uint8Array;
  readonly contents: ContentStore;
  readonly payloads: RunPayloads;
  readonly dataDir: string;
  readonly settings: Settings;
  readonly systemPrincipalId: string;
  /** Those of parts that bring their own. */
  readonly further: readonly Sweep[];
  readonly log: Logger;
}

export function startServerSweepers({
  database,
  auditKey,
  contents,
  payloads,
  dataDir,
  settings,
  systemPrincipalId,
  further,
  log,
}: ServerSweepersOptions): Sweepers {
  return startSweepers({
    sweeps: [
      ...further,
      ...tableSweeps({ database, auditKey }),
      ...fileSweeps({ database, contents }),
      workspaceSweep({
        database,
        folders: ['blobs', 'files'].map((name) => join(dataDir, name)),
        graceDays: () => settings.value('workspaces.graceDays'),
        systemPrincipalId,
        log,
      }),
      ...notificationSweeps({ database, keepDays: () => settings.value('notifications.keepDays') }),
      ...retentionSweeps({
        database,
        payloads,
        retentionDays: (workspaceId) => settings.value('runs.retentionDays', workspaceId),
        keptPerWorkflow: (workspaceId) => settings.value('runs.keptPerWorkflow', workspaceId),
      }),
    ],
    log,
  });
}
