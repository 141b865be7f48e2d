import { Command } from 'commander';
import { connect } from '../server-client.ts';

/** Wrapping keys of many workspaces anew takes a while, in milliseconds. */
const TIMEOUT_MS = 600_000;

/** `plugboard rotate-root-key`: replaces the root key of a running server, or the keys it wraps. */
export function rotateRootKeyCommand(): Command {
  return new Command('rotate-root-key')
    .description('replace the root key in the data folder while the server runs; the old one opens nothing afterwards')
    .option('--data-keys', 'renew the data keys of all workspaces as well, and seal every secret anew')
    .action(async (options: { dataKeys?: boolean }, command: Command) => {
      const server = connect(command, { timeoutMs: TIMEOUT_MS });
      const { rewrapped } = await server.post<{ rewrapped: number }>('/api/instance/root-key', {});
      process.stdout.write(`The root key was replaced; data keys wrapped anew: ${rewrapped}\n`);
      if (options.dataKeys !== true) return;
      const { workspaces, secrets } = await server.post<{ workspaces: number; secrets: number }>('/api/instance/data-keys', {});
      process.stdout.write(`Data keys renewed: ${workspaces}; secrets sealed anew: ${secrets}\n`);
    });
}
