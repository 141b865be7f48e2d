/** What one was told: list, how much is unread, and taking note of it. What a person does not want to hear of is left out. */
import {
  MOST_UNREAD,
  type WorkspaceTransaction,
  countUnreadNotifications,
  listNotifications,
  markNotificationsRead,
  readSettingLevels,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { id, json, page, pageInput, pageOf } from '../operation/shapes.ts';
import { effectiveOn } from '../settings/effective.ts';
import { type SettingKey, definitionOf } from '../settings/registry.ts';
import type { Settings } from '../settings/settings.ts';
import { NOTICE_KINDS, NOTICE_SETTINGS, noticeSetting } from './notices.ts';

const notification = z
  .object({
    id,
    kind: z.string(),
    params: json,
    /** How often it happened since it was told. */
    count: z.int(),
    createdAt: z.iso.datetime(),
    /** When it happened last. */
    updatedAt: z.iso.datetime(),
    readAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'NotificationRow' });

export function notificationOperations({ settings }: { readonly settings: Settings }): readonly Operation[] {
  /** Kinds whoever is at hand does not want to hear of. */
  const unwanted = async (tx: WorkspaceTransaction): Promise<string[]> => {
    const set = await readSettingLevels(tx, NOTICE_SETTINGS);
    const isOff = (key: SettingKey): boolean => {
      const { instance, workspace, person } = set.get(key) ?? {};
      const values = { instance: instance?.value, workspace: workspace?.value, person: person?.value };
      return effectiveOn('person', definitionOf(key), settings.sources, values).value === 'none';
    };
    return NOTICE_KINDS.filter((kind) => isOff(noticeSetting(kind)));
  };

  return [
    operation({
      name: 'notification.list',
      field: 'notifications',
      kind: 'query',
      summary: 'What one is to be told, newest first: of this workspace and of the server.',
      permission: { member: 'Each sees the own ones.' },
      input: z.strictObject({ unreadOnly: z.boolean().optional(), first: pageInput.first, after: id.optional() }),
      output: pageOf(notification).meta({ id: 'NotificationRows' }),
      problems: [],
      rest: { method: 'GET', path: '/notifications' },
      handler: (ctx, { unreadOnly, first, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listNotifications(tx, {
            without: await unwanted(tx),
            ...(unreadOnly === undefined ? {} : { isUnreadOnly: unreadOnly }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(
            found.notifications.map(({ createdAt, updatedAt, readAt, ...one }) => ({
              ...one,
              createdAt: createdAt.toISOString(),
              updatedAt: updatedAt.toISOString(),
              ...(readAt ? { readAt: readAt.toISOString() } : {}),
            })),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'notification.count',
      field: 'unreadNotifications',
      kind: 'query',
      summary: `How much one was told and has not read; ${MOST_UNREAD} stands for more too.`,
      permission: { member: 'Each has the own ones.' },
      input: z.strictObject({}),
      output: z.object({ unread: z.int() }).meta({ id: 'UnreadNotifications' }),
      problems: [],
      rest: { method: 'GET', path: '/notifications/unread' },
      handler: (ctx) => ctx.inTransaction(async (tx) => ({ unread: await countUnreadNotifications(tx, await unwanted(tx)) })),
    }),
    operation({
      name: 'notification.markRead',
      field: 'markNotificationsRead',
      kind: 'mutation',
      summary: 'Mark these notifications as read, or all.',
      permission: { member: 'Each has the own ones.' },
      input: z.strictObject({ ids: z.array(id).max(500).optional() }),
      output: z.object({ count: z.int() }).meta({ id: 'MarkedNotifications' }),
      problems: [],
      rest: { method: 'POST', path: '/notifications/read' },
      audited: false,
      handler: (ctx, { ids }) => ctx.inTransaction(async (tx) => ({ count: await markNotificationsRead(tx, ids) })),
    }),
  ];
}
