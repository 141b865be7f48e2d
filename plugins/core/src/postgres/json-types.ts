/**
 * Values of PostgreSQL as JSON. What JSON has no exact form for stays text: no digit of a numeric is lost, no date moves to another zone.
 */
import type { Json } from '@plugboard/sdk';
import { types } from 'pg';

export interface TypeParsers {
  getTypeParser(oid: number, format?: string): (text: string) => Json;
}

const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  timestamp: 1114,
  timestamptz: 1184,
  jsonb: 3802,
};
/** Types of lists, with the type of their entries. */
const LISTS: ReadonlyMap<number, number> = new Map([
  [1000, OID.bool],
  [1001, OID.bytea],
  [1005, OID.int2],
  [1007, OID.int4],
  [1016, OID.int8],
  [1021, OID.float4],
  [1022, OID.float8],
  [199, OID.json],
  [3807, OID.jsonb],
  [1115, OID.timestamp],
  [1185, OID.timestamptz],
  // Entries that are text as they are: text, varchar, bpchar, name, uuid, date, time, numeric, inet, cidr.
  ...[1009, 1015, 1014, 1003, 2951, 1182, 1183, 1231, 1041, 651].map((list) => [list, 25] as const),
]);

export const jsonTypes: TypeParsers = {
  getTypeParser(oid) {
    const entry = LISTS.get(oid);
    return entry === undefined ? scalar(oid) : (text) => listOf(text, scalar(entry));
  },
};

function scalar(oid: number): (text: string) => Json {
  switch (oid) {
    case OID.bool:
      return (text) => text === 't' || text === 'true';
    case OID.int2:
    case OID.int4:
    case OID.oid:
      return Number;
    case OID.int8:
      return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    case OID.float4:
    case OID.float8:
      return (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
    case OID.json:
    case OID.jsonb:
      return (text) => JSON.parse(text) as Json;
    case OID.timestamptz:
      return instant;
    case OID.timestamp:
      return (text) => text.replace(' ', 'T');
    case OID.bytea:
      return (text) => Buffer.from(text.replace(/^\\x/, ''), 'hex').toString('base64');
    default:
      return (text) => text;
  }
}

/** In UTC. Years beyond four digits, and infinity, stay as the database writes them. */
function instant(text: string): Json {
  const at = new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
  return Number.isNaN(at.getTime()) ? text : at.toISOString();
}

/** The library's own reader of lists knows their quotes and their depth. */
function listOf(text: string, entry: (text: string) => Json): Json {
  type Texts = null | string | readonly Texts[];
  const texts = types.getTypeParser(1009 as never)(text) as unknown as Texts;
  const each = (value: Texts): Json => (value === null ? null : typeof value === 'string' ? entry(value) : value.map(each));
  return each(texts);
}
