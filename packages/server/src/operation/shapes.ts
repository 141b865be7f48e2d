/** Pieces of inputs and outputs that many operations share. */
import { ROLES } from '@plugboard/persistence';
import { z } from 'zod';

/** NUL and halves of characters are in no text a database stores. */
/** Text as PostgreSQL can keep it. */
export const isStorable = (value: string): boolean => !value.includes('\0') && value.isWellFormed();

/** A text of `min` to `max` characters. */
export function text(max: number, min = 0): z.ZodString {
  return z.string().min(min).max(max).refine(isStorable, 'has characters that cannot be stored');
}

export const id = z.uuid();
export const role = z.enum(ROLES).meta({ id: 'Role' });
export const email = z.email().max(320);
/** Looked at only when it is checked: a wrong one is wrong whatever its length. */
export const password = text(4096);
export const moment = z.iso.datetime({ offset: true });

export const nothing = z.object({ ok: z.literal(true) }).meta({ id: 'Done' });
export const DONE = { ok: true } as const;

export const personRef = z.object({ id, name: z.string() }).meta({ id: 'PersonRef' });
export const namedRef = z.object({ id, name: z.string() }).meta({ id: 'NamedRef' });

/** Keyset page. `after` is `endCursor` of the page before. */
export const pageInput = { first: z.int().min(1).max(100).optional(), after: text(300).optional() };

export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({ rows: z.array(row), endCursor: z.string().optional(), hasMore: z.boolean() });
}

/** A page from rows and the cursor of the next one. */
export function page<Row>(rows: readonly Row[], nextCursor: string | undefined): { rows: Row[]; endCursor?: string; hasMore: boolean } {
  return { rows: [...rows], hasMore: nextCursor !== undefined, ...(nextCursor === undefined ? {} : { endCursor: nextCursor }) };
}

/** JSON whose shape another part of the program vouches for, such as a definition. */
export const json = z.unknown();
