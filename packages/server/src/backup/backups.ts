/** The backups a server makes by itself or when asked, in the folder `backups` of its data folder; one at a time. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '@plugboard/persistence';
import { OperationProblem } from '../operation/problem.ts';
import type { Settings } from '../settings/settings.ts';
import { BackupError } from './backup-file.ts';
import { type CreatedBackup, createBackup } from './create-backup.ts';

export const BACKUP_FOLDER = 'backups';
const NAME = /^(manual|scheduled)-\d{8}T\d{6}\d{3}Z\.backup$/;

export interface BackupFile {
  readonly name: string;
  readonly kind: 'manual' | 'scheduled';
  readonly createdAt: Date;
  readonly sizeBytes: number;
}

export interface Backups {
  /** @throws OperationProblem CONFLICT while another one is made, BACKUP_FAILED */
  create(kind: BackupFile['kind'], passphrase?: string): Promise<CreatedBackup & { readonly name: string }>;
  /** Newest first. */
  list(): Promise<BackupFile[]>;
  /** Makes the scheduled one when it is due, and removes old ones. */
  makeDue(now: number): Promise<void>;
  /** Breaks off what is being made. */
  close(): Promise<void>;
}

export interface BackupsOptions {
  readonly database: Database;
  readonly dataDir: string;
  readonly version: string;
  readonly settings: Settings;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Looked at this often whether one is due, in milliseconds. */
const LOOK_MS = 60_000;
const HOUR_MS = 60 * 60_000;

export function startBackups({ database, dataDir, version, settings, log }: BackupsOptions): Backups {
  const folder = join(dataDir, BACKUP_FOLDER);
  const stop = new AbortController();
  let making: Promise<unknown> | undefined;

  const list: Backups['list'] = async () => {
    const names = await readdir(folder).catch(() => []);
    const found: BackupFile[] = [];
    for (const name of names) {
      const kind = NAME.exec(name)?.[1];
      const facts = await stat(join(folder, name)).catch(() => undefined);
      if (kind !== undefined && facts)
        found.push({ name, kind: kind as BackupFile['kind'], createdAt: timeOf(name), sizeBytes: facts.size });
    }
    return found.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  };

  const create: Backups['create'] = async (kind, passphrase) => {
    if (making) throw new OperationProblem('CONFLICT', 'Another backup is being made', { hint: 'Wait until it is done.' });
    const name = `${kind}-${new Date().toISOString().replaceAll(/[-:.]/g, '')}.backup`;
    const work = (async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const startedAt = performance.now();
      const made = await createBackup({ database, dataDir, file: join(folder, name), version, passphrase, signal: stop.signal });
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
      log.info({ name, sizeBytes: made.sizeBytes, rows: made.rows, files: made.files, seconds }, 'a backup was made');
      return { ...made, name };
    })();
    making = work.catch(() => undefined).finally(() => (making = undefined));
    try {
      return await work;
    } catch (error) {
      if (error instanceof BackupError)
        throw new OperationProblem(error.code === 'BACKUP_KEY' ? 'INPUT_INVALID' : 'BACKUP_FAILED', error.message);
      throw error;
    }
  };

  const makeDue: Backups['makeDue'] = async (now) => {
    const hours = settings.value('backups.everyHours');
    if (hours === 0 || making) return;
    const scheduled = (await list()).filter((one) => one.kind === 'scheduled');
    const [newest] = scheduled;
    if (newest && now - newest.createdAt.getTime() < hours * HOUR_MS) return;
    await create('scheduled');
    // Only now: a disk without room for a new one keeps the old ones.
    for (const old of scheduled.slice(Math.max(0, settings.value('backups.keep') - 1))) await rm(join(folder, old.name), { force: true });
  };

  const timer = setInterval(() => {
    makeDue(Date.now()).catch((error: unknown) => {
      if (!stop.signal.aborted) log.warn({ err: error }, 'the scheduled backup was not made; trying again in a minute');
    });
  }, LOOK_MS);
  timer.unref();

  return {
    create,
    list,
    makeDue,
    async close() {
      clearInterval(timer);
      stop.abort();
      await making;
    },
  };
}

function timeOf(name: string): Date {
  const text = /-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z/.exec(name) ?? [];
  const [, year, month, day, hour, minute, second, ms] = text.map(Number);
  return new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0, ms ?? 0));
}
