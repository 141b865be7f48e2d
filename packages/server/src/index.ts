/** The door of the server. */
export { ConfigError, readConfig } from './config.ts';
export type { Config } from './config.ts';
export { createLog, plainLines } from './log.ts';
export type { Logger } from './log.ts';
export { DataFolderError, ListenError, PortInUseError, startServer } from './server.ts';
export type { RunningServer, ServerOptions } from './server.ts';
export { RootKeyError } from './keys.ts';
export { RootKeyMismatchError, forgetRootKey } from './root-key-check.ts';
export { checkCode } from './workflows/check-code.ts';
