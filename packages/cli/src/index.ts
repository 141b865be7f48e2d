/** The command line is used as a program; this door is for its tests. */
export { EXIT } from './exit-code.ts';
export type { ExitCode } from './exit-code.ts';
