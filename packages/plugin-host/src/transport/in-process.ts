/** Plugins in the server's own process, for bundled ones: a call is a function call. */
import type { Transport } from './transport.ts';

export const inProcess: Transport = (call) => call;
