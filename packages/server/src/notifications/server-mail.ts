/** E-mail put onto the server: the mail server of its settings, what waits to be sent, and links that set passwords. */
import type { Database } from '@plugboard/persistence';
import { type ResetByMail, createResetByMail } from '../auth/reset-by-mail.ts';
import type { Settings } from '../settings/settings.ts';
import { type MailServer, createMailServer } from './mail-server.ts';
import { type Post, startPost } from './post.ts';

export interface ServerMail {
  readonly server: MailServer;
  readonly post: Post;
  readonly resets: ResetByMail;
  close(): Promise<void>;
}

export interface ServerMailOptions {
  readonly database: Database;
  readonly settings: Settings;
  /** 32 bytes that seal what waits. */
  readonly key: Uint8Array;
  /** The address people open the pages at. */
  readonly pageUrl: () => string;
  /** Where one person decides about an approval without signing in. */
  readonly decideUrl?: (approvalId: string, principalId: string) => string;
  readonly log: { warn(fields: object, message: string): void };
}

export function startServerMail({ database, settings, key, pageUrl, decideUrl, log }: ServerMailOptions): ServerMail {
  const server = createMailServer({ settings });
  const post = startPost({ database, settings, server, key, pageUrl, ...(decideUrl && { decideUrl }), log });
  const resets = createResetByMail({ database, post, linkOf: (token) => `${pageUrl()}/reset#token=${token}`, log });
  return {
    server,
    post,
    resets,
    async close() {
      await resets.settle();
      await post.close();
    },
  };
}
