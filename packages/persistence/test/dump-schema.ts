/**
 * The schema as text, the same on every supported PostgreSQL, so that each change of it is seen in review. Partitions and what
 * belongs to them are left out: they come and go with time.
 */
import type { Database } from '../src/index.ts';

const OURS = `c.relnamespace = 'public'::regnamespace and not c.relispartition`;

const TABLES = `
  select c.relname as name, c.relrowsecurity as secured, pg_get_partkeydef(c.oid) as partition, c.reloptions::text as options,
         (select array_agg(format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                  case when a.attnotnull then ' not null' else '' end,
                                  coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''),
                                  case when a.attname = 'journal' then ' storage ' || a.attstorage::text else '' end) order by a.attnum)
            from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
         (select array_agg(format('constraint %I %s', conname, pg_get_constraintdef(k.oid)) order by contype desc, conname)
            from pg_constraint k where k.conrelid = c.oid and contype in ('p', 'f', 'c', 'u', 'x')) as constraints,
         (select array_agg(pg_get_indexdef(i.indexrelid) order by i.indexrelid::regclass::text)
            from pg_index i where i.indrelid = c.oid and not i.indisprimary) as indexes,
         (select array_agg(pg_get_triggerdef(t.oid) order by t.tgname) from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal) as triggers,
         (select array_agg(format('create policy %I on %I%s using (%s)%s', polname, c.relname, case polcmd when 'r' then ' for select' else '' end,
                                  pg_get_expr(polqual, polrelid),
                                  coalesce(' with check (' || pg_get_expr(polwithcheck, polrelid) || ')', '')) order by polname)
            from pg_policy p where p.polrelid = c.oid) as policies,
         (select array_agg('grant ' || privilege || ' (' || columns || ') on ' || c.relname || ' to plugboard_app' order by privilege)
            from (select lower(g.privilege_type) as privilege, string_agg(a.attname, ', ' order by a.attnum) as columns
                    from pg_attribute a, aclexplode(a.attacl) g
                   where a.attrelid = c.oid and g.grantee = (select oid from pg_roles where rolname = 'plugboard_app') group by 1) granted) as column_grants,
         (select 'grant ' || string_agg(lower(g.privilege_type), ', ' order by g.privilege_type) || ' on ' || c.relname || ' to plugboard_app'
            from aclexplode(c.relacl) g where g.grantee = (select oid from pg_roles where rolname = 'plugboard_app')) as grants
    from pg_class c where ${OURS} and c.relkind in ('r', 'p') order by c.relname`;

const FUNCTIONS = `select pg_get_functiondef(p.oid) as body from pg_proc p where p.pronamespace = 'public'::regnamespace order by p.proname`;

interface TableRow {
  readonly name: string;
  readonly secured: boolean;
  readonly partition: string | null;
  readonly options: string | null;
  readonly columns: string[];
  readonly constraints: string[] | null;
  readonly indexes: string[] | null;
  readonly triggers: string[] | null;
  readonly policies: string[] | null;
  readonly column_grants: string[] | null;
  readonly grants: string | null;
}

export async function dumpSchema(database: Database): Promise<string> {
  const functions = await database.query<{ body: string }>(FUNCTIONS);
  const tables = await database.query<TableRow & Record<string, unknown>>(TABLES);
  const parts = [...functions.map((row) => `${row.body.trim()};`), ...tables.map(tableText)];
  return `-- Written from the migrations by a test; change a migration, never this file.\n\n${parts.join('\n\n')}\n`;
}

function tableText(table: TableRow): string {
  const inside = [...table.columns, ...(table.constraints ?? [])].map((line) => `  ${line}`).join(',\n');
  const partition = table.partition === null ? '' : ` partition by ${table.partition}`;
  const options = table.options === null ? '' : ` with ${table.options}`;
  const after = [
    ...(table.indexes ?? []),
    ...(table.triggers ?? []),
    ...(table.secured ? [`alter table ${table.name} enable row level security`] : []),
    ...(table.policies ?? []),
    ...(table.column_grants ?? []),
    ...(table.grants === null ? [] : [table.grants]),
  ];
  return [`create table ${table.name} (\n${inside}\n)${partition}${options};`, ...after.map((line) => `${line};`)].join('\n');
}
