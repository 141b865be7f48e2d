/** The door of the server. */
export { ConfigError, readConfig } from './config.ts';
export type { Config } from './config.ts';
export { createLog, plainLines } from './log.ts';
export type { Logger } from './log.ts';
export { DataFolderError, ListenError, PortInUseError, startServer } from './server.ts';
export type { RunningServer, ServerOptions } from './server.ts';
export { BackupError, checkBackup } from './backup/backup-file.ts';
export type { CheckedBackup } from './backup/backup-file.ts';
export { createBackup } from './backup/create-backup.ts';
export type { CreatedBackup } from './backup/create-backup.ts';
export { restoreBackup } from './backup/restore-backup.ts';
export type { Restored } from './backup/restore-backup.ts';
export { TlsError, readTls } from './edge/tls.ts';
export { RootKeyError } from './keys.ts';
export { RootKeyMismatchError, forgetRootKey } from './root-key-check.ts';
export { VERSION } from './version.ts';
export { checkCode } from './workflows/check-code.ts';
