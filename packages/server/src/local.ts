/** A second, small door: how a program on this machine finds a running server, without loading one. */
export { dataDirOf, makeDataFolder } from './data-dir.ts';
export type { Environment } from './data-dir.ts';
export { SERVER_FILE, readServerFile } from './local-token.ts';
export type { ServerFile } from './local-token.ts';
