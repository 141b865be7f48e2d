/**
 * A batch of records as one statement. Each flush is a single statement, so it is applied whole or not at all.
 *
 * A batch of nothing but runs that end in their first record takes the short statement: insert the runs and their counts. Any
 * other batch takes the long one, whose parts see the same snapshot and touch different rows:
 *
 *   created   inserts runs                          live     inserts run_live for those that go on
 *   moved     locks and checks owner, fence and position, then moves run_live forward
 *   gone      the same for runs that end: their run_live goes
 *   chunked   inserts the events of moved and gone  ended    writes the end into the run
 *   emptied   deletes the inbox rows those events took in
 *   timed     keeps the waits those events began
 *   answered  tells the runs that wait for those that ended
 *   cascaded  cancels the runs that went on for those that ended alone
 *   followed  notes what is to follow from those ends
 *   forgotten notes runs whose data is to be forgotten
 *   tagged    keeps what created runs are found by
 *   counted   adds runs that ended to run_stats, in key order
 *
 * `is not distinct from` keeps the planner from reaching run_live by owner, which would read all runs of this process.
 * Events, ends, inbox and counts follow from the rows that `moved` and `gone` give back, never from what was sent: a run that
 * is missing there has another owner now, and nothing of its record is written.
 */
import type { QueryArrayConfig } from 'pg';
import type { RunRecord } from '@plugboard/engine';
import { RUN_STATUS, TRIGGER_KIND, WAITING_FOR } from '@plugboard/engine';
import { ArrayColumn, UnstorableValueError, uuidParameter } from './array-column.ts';
import { BUCKET_MS, EndedCounts } from './ended-counts.ts';
import { storableText } from './storable-text.ts';

const BUCKET = `date_bin('${BUCKET_MS / 1000} seconds', ended_at, timestamptz '1970-01-01 00:00:00+00')`;

/** Who cancels a run whose caller has ended: no principal. */
export const CALLER_ENDED = 'caller';

const RUN_COLUMNS =
  'id, workspace_id, workflow_id, environment, version, status, trigger_kind, initiator, root_run_id, started_at, ended_at, error_code, error_message, error_fingerprint, events, journal';

const CREATED_ARRAYS =
  '$2::uuid[], $3::uuid[], $4::uuid[], $5::int2[], $6::int4[], $7::int2[], $8::int2[], $9::uuid[], $10::uuid[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[], $15::text[], $16::int4[], $17::bytea[]';

const ADD_TO_STATS = `on conflict (workspace_id, workflow_id, environment, bucket, status, writer) do update set n = run_stats.n + excluded.n`;

/** Lists side by side as rows, without the table that `from unnest` fills with each list first. */
const CREATE_ENDED = /* sql */ `
with created as (
  insert into run (${RUN_COLUMNS}, error_step)
  select ${CREATED_ARRAYS.replaceAll(/\$\d+::\w+\[\]/g, 'unnest($&)')}, unnest($18::text[])
)
insert into run_stats (workspace_id, workflow_id, environment, bucket, status, writer, n)
select unnest($19::uuid[]), unnest($20::uuid[]), unnest($21::int2[]), unnest($22::timestamptz[]), unnest($23::int2[]), $1::uuid, unnest($24::int4[])
${ADD_TO_STATS}`;

const MIXED = /* sql */ `
with c as materialized (
  select * from unnest(${CREATED_ARRAYS}, $18::int4[], $19::int2[], $57::text[])
    as c (${RUN_COLUMNS}, fence, waiting, error_step)
), u as materialized (
  select * from unnest($20::uuid[], $21::int4[], $22::int4[], $23::int4[], $24::int2[], $25::int2[], $26::timestamptz[], $27::text[], $28::text[], $29::text[], $30::bytea[], $31::int4[], $32::int4[], $58::text[])
    as u (id, fence, from_seq, to_seq, status, waiting, ended_at, error_code, error_message, error_fingerprint, events, inbox_from, inbox_to, error_step)
), created as (
  insert into run (${RUN_COLUMNS}, error_step)
  select ${RUN_COLUMNS}, error_step from c
  returning workspace_id, workflow_id, environment, ended_at, status
), live as (
  insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, waiting, started_at)
  select id, workspace_id, workflow_id, environment, version, $1::uuid, fence, events, status, waiting, started_at
  from c where ended_at is null
), moved as (
  update run_live l set next_seq = u.to_seq, status = u.status, waiting = u.waiting
  from u
  where u.ended_at is null and l.run_id = u.id and l.owner is not distinct from $1::uuid and l.fence = u.fence and l.next_seq = u.from_seq
  returning l.run_id, u.from_seq, u.events, u.inbox_from, u.inbox_to
), gone as (
  delete from run_live l using u
  where u.ended_at is not null and l.run_id = u.id and l.owner is not distinct from $1::uuid and l.fence = u.fence and l.next_seq = u.from_seq
  returning l.run_id, u.from_seq, u.to_seq, u.status, u.ended_at, u.error_code, u.error_message, u.error_fingerprint, u.error_step, u.events, u.inbox_from, u.inbox_to
), matched as (
  select run_id, from_seq, events, inbox_from, inbox_to from moved
  union all
  select run_id, from_seq, events, inbox_from, inbox_to from gone
), chunked as (
  insert into run_chunk (run_id, seq, events) select run_id, from_seq, events from matched
), ended as (
  update run r set status = g.status, ended_at = g.ended_at, error_code = g.error_code, error_message = g.error_message,
    error_fingerprint = g.error_fingerprint, error_step = g.error_step, events = g.to_seq,
    chunks = 1 + (select count(*) from run_chunk k where k.run_id = g.run_id)
  from gone g where r.id = g.run_id
  returning r.workspace_id, r.workflow_id, r.environment, r.ended_at, r.status
), emptied as (
  delete from run_inbox b using (
    select unnest(($33::uuid[])[inbox_from:inbox_to]) as id from matched where inbox_to >= inbox_from
    union all
    select unnest(($33::uuid[])[1:$34::int4])
  ) i where b.id = i.id
), timed as (
  insert into timer (run_id, wait_id, workspace_id, due_at)
  select t.run_id, t.wait_id, t.workspace_id, t.due_at
  from unnest($35::uuid[], $36::text[], $37::uuid[], $38::timestamptz[]) as t (run_id, wait_id, workspace_id, due_at)
  where t.run_id in (select id from c where ended_at is null union all select run_id from moved)
  on conflict (run_id, wait_id) do nothing
), answered as (
  insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload)
  select gen_random_uuid(), a.run_id, a.workspace_id, a.source_key, 'child', a.payload::json
  from unnest($39::uuid[], $40::uuid[], $41::uuid[], $42::text[], $43::text[]) as a (ended_id, run_id, workspace_id, source_key, payload)
  where a.ended_id in (select id from c where ended_at is not null union all select run_id from gone)
  on conflict (run_id, source_key) do nothing
), cascaded as (
  insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload)
  select gen_random_uuid(), l.run_id, l.workspace_id, 'caller-ended', 'cancel', json_build_object('by', '${CALLER_ENDED}', 'reason', 'The run that called this one has ended')
  from (select run_id from gone where run_id = any($44::uuid[])) g
  cross join lateral (select run_id, workspace_id from run_live where parent_run_id = g.run_id offset 0) l
  on conflict (run_id, source_key) do nothing
), followed as (
  insert into run_follow_up (run_id, workspace_id, kind, due_at, payload)
  select f.run_id, f.workspace_id, f.kind, f.due_at, f.payload::json
  from unnest($45::uuid[], $46::uuid[], $47::text[], $48::timestamptz[], $49::text[]) as f (run_id, workspace_id, kind, due_at, payload)
  where f.run_id in (select id from c where ended_at is not null union all select run_id from gone)
  on conflict (run_id, kind) do nothing
), forgotten as (
  insert into run_erasure (run_id, workspace_id, due_at)
  select e.run_id, e.workspace_id, e.due_at from unnest($50::uuid[], $51::uuid[], $52::timestamptz[]) as e (run_id, workspace_id, due_at)
  where e.run_id in (select id from c where ended_at is not null union all select run_id from gone)
  on conflict (run_id) do nothing
), tagged as (
  insert into run_tag (workspace_id, key, value, run_id)
  select t.workspace_id, t.key, left(t.value, 200), t.run_id from unnest($53::uuid[], $54::uuid[], $55::text[], $56::text[]) as t (run_id, workspace_id, key, value)
  where t.run_id in (select id from c)
  on conflict do nothing
), counted as (
  insert into run_stats (workspace_id, workflow_id, environment, bucket, status, writer, n)
  select workspace_id, workflow_id, environment, ${BUCKET} as bucket, status, $1::uuid, count(*)
  from (select * from created where ended_at is not null union all select * from ended) e
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  ${ADD_TO_STATS}
)
select run_id from matched`;

/** Thrown by `encode` for a record no column can hold; `index` is its place in the batch. */
export class UnstorableRecordError extends Error {
  override readonly name = 'UnstorableRecordError';
  readonly index: number;

  constructor(index: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.index = index;
  }
}

export class FlushStatement {
  readonly #writer: Buffer;
  readonly #maxRecordBytes: number;
  // Runs that are created.
  readonly #id = new ArrayColumn('uuid');
  readonly #workspace = new ArrayColumn('uuid');
  readonly #workflow = new ArrayColumn('uuid');
  readonly #environment = new ArrayColumn('int2');
  readonly #version = new ArrayColumn('int4');
  readonly #status = new ArrayColumn('int2');
  readonly #trigger = new ArrayColumn('int2');
  readonly #initiator = new ArrayColumn('uuid');
  readonly #root = new ArrayColumn('uuid');
  readonly #started = new ArrayColumn('timestamptz');
  readonly #ended = new ArrayColumn('timestamptz');
  readonly #errorCode = new ArrayColumn('text');
  readonly #errorMessage = new ArrayColumn('text');
  readonly #errorFingerprint = new ArrayColumn('text');
  readonly #events = new ArrayColumn('int4');
  readonly #journal = new ArrayColumn('bytea', 64 * 1024);
  readonly #fence = new ArrayColumn('int4');
  readonly #waiting = new ArrayColumn('int2');
  readonly #errorStep = new ArrayColumn('text');
  // Runs that go on or end.
  readonly #uId = new ArrayColumn('uuid');
  readonly #uFence = new ArrayColumn('int4');
  readonly #uFrom = new ArrayColumn('int4');
  readonly #uTo = new ArrayColumn('int4');
  readonly #uStatus = new ArrayColumn('int2');
  readonly #uWaiting = new ArrayColumn('int2');
  readonly #uEnded = new ArrayColumn('timestamptz');
  readonly #uErrorCode = new ArrayColumn('text');
  readonly #uErrorMessage = new ArrayColumn('text');
  readonly #uErrorFingerprint = new ArrayColumn('text');
  readonly #uEvents = new ArrayColumn('bytea', 16 * 1024);
  readonly #uInboxFrom = new ArrayColumn('int4');
  readonly #uInboxTo = new ArrayColumn('int4');
  readonly #uErrorStep = new ArrayColumn('text');
  /** Inbox rows: those of created runs first, then each run's own range. */
  readonly #inbox = new ArrayColumn('uuid');
  // Waits.
  readonly #tRun = new ArrayColumn('uuid');
  readonly #tWait = new ArrayColumn('text');
  readonly #tWorkspace = new ArrayColumn('uuid');
  readonly #tDue = new ArrayColumn('timestamptz');
  readonly #timerColumns: readonly ArrayColumn[];
  // What follows from an end besides it.
  readonly #aEnded = new ArrayColumn('uuid');
  readonly #aRun = new ArrayColumn('uuid');
  readonly #aWorkspace = new ArrayColumn('uuid');
  readonly #aKey = new ArrayColumn('text');
  readonly #aPayload = new ArrayColumn('text', 16 * 1024);
  readonly #cancels = new ArrayColumn('uuid');
  readonly #fRun = new ArrayColumn('uuid');
  readonly #fWorkspace = new ArrayColumn('uuid');
  readonly #fKind = new ArrayColumn('text');
  readonly #fDue = new ArrayColumn('timestamptz');
  readonly #fPayload = new ArrayColumn('text', 16 * 1024);
  readonly #eRun = new ArrayColumn('uuid');
  readonly #eWorkspace = new ArrayColumn('uuid');
  readonly #eDue = new ArrayColumn('timestamptz');
  // Tags.
  readonly #gRun = new ArrayColumn('uuid');
  readonly #gWorkspace = new ArrayColumn('uuid');
  readonly #gKey = new ArrayColumn('text');
  readonly #gValue = new ArrayColumn('text');
  /** Of a batch of nothing but runs that end in their first record. */
  readonly #counts = new EndedCounts();
  readonly #endColumns: readonly ArrayColumn[];
  readonly #createdColumns: readonly ArrayColumn[];
  readonly #liveColumns: readonly ArrayColumn[];
  readonly #updateColumns: readonly ArrayColumn[];
  /** Names of steps at which runs failed, by place: few runs have one, and PostgreSQL fills up the shorter of its arrays with nulls. */
  readonly #stepColumns: readonly ArrayColumn[];

  constructor(writerId: string, maxRecordBytes: number) {
    this.#writer = uuidParameter(writerId);
    this.#maxRecordBytes = maxRecordBytes;
    // In the order of the parameters.
    this.#timerColumns = [this.#tRun, this.#tWait, this.#tWorkspace, this.#tDue];
    this.#endColumns = [
      this.#aEnded,
      this.#aRun,
      this.#aWorkspace,
      this.#aKey,
      this.#aPayload,
      this.#cancels,
      this.#fRun,
      this.#fWorkspace,
      this.#fKind,
      this.#fDue,
      this.#fPayload,
      this.#eRun,
      this.#eWorkspace,
      this.#eDue,
      this.#gRun,
      this.#gWorkspace,
      this.#gKey,
      this.#gValue,
    ];
    this.#createdColumns = [
      this.#id,
      this.#workspace,
      this.#workflow,
      this.#environment,
      this.#version,
      this.#status,
      this.#trigger,
      this.#initiator,
      this.#root,
      this.#started,
      this.#ended,
      this.#errorCode,
      this.#errorMessage,
      this.#errorFingerprint,
      this.#events,
      this.#journal,
    ];
    this.#liveColumns = [this.#fence, this.#waiting];
    this.#updateColumns = [
      this.#uId,
      this.#uFence,
      this.#uFrom,
      this.#uTo,
      this.#uStatus,
      this.#uWaiting,
      this.#uEnded,
      this.#uErrorCode,
      this.#uErrorMessage,
      this.#uErrorFingerprint,
      this.#uEvents,
      this.#uInboxFrom,
      this.#uInboxTo,
    ];
    this.#stepColumns = [this.#errorStep, this.#uErrorStep];
  }

  /**
   * The statement for a batch. Its parameters are the reused buffers: send it before the next call. The result rows of a
   * batch with continuations are the ids of those written.
   * @throws UnstorableRecordError
   */
  encode(batch: readonly { readonly record: RunRecord }[]): QueryArrayConfig {
    for (const column of this.#createdColumns) column.clear();
    for (const column of this.#liveColumns) column.clear();
    for (const column of this.#updateColumns) column.clear();
    for (const column of this.#timerColumns) column.clear();
    for (const column of this.#endColumns) column.clear();
    for (const column of this.#stepColumns) column.clear();
    this.#inbox.clear();
    this.#counts.clear();
    let isMixed = false;
    let index = 0;
    try {
      for (; index < batch.length; index++) {
        const record = batch[index]!.record;
        if (!record.create) {
          isMixed = true;
          continue;
        }
        this.#addCreated(record);
        if (
          !record.end ||
          record.inbox?.length ||
          record.tags ||
          record.end.answer ||
          record.end.followUps ||
          record.end.erasesAt !== undefined
        )
          isMixed = true;
        else this.#counts.add(record.head, record.end);
        this.#addTimers(record);
        this.#addEnd(record);
      }
      if (!isMixed)
        return {
          name: 'journal_create_ended',
          text: CREATE_ENDED,
          values: [...this.#values([...this.#createdColumns, this.#errorStep]), ...this.#counts.finish()],
          rowMode: 'array',
        };
      const inboxOfCreated = this.#inbox.count;
      for (index = 0; index < batch.length; index++) {
        const record = batch[index]!.record;
        if (record.create) continue;
        this.#addUpdate(record);
        this.#addTimers(record);
        this.#addEnd(record);
      }
      return {
        name: 'journal_mixed',
        text: MIXED,
        values: [
          ...this.#values([...this.#createdColumns, ...this.#liveColumns, ...this.#updateColumns, this.#inbox]),
          inboxOfCreated,
          ...this.#timerColumns.map((column) => column.finish()),
          ...this.#endColumns.map((column) => column.finish()),
          ...this.#stepColumns.map((column) => column.finish()),
        ],
        rowMode: 'array',
      };
    } catch (error) {
      throw new UnstorableRecordError(index, error);
    }
  }

  #values(columns: readonly ArrayColumn[]): unknown[] {
    const values: unknown[] = [this.#writer];
    for (const column of columns) values.push(column.finish());
    return values;
  }

  #addCreated(record: RunRecord): void {
    const { head, end } = record;
    this.#checkSize(record);
    this.#id.addUuid(head.id);
    this.#workspace.addUuid(head.workspaceId);
    this.#workflow.addUuid(head.workflowId);
    this.#environment.addInt2(head.environment);
    this.#version.addInt4(head.version);
    this.#status.addInt2(RUN_STATUS[end ? end.status : record.status]);
    this.#trigger.addInt2(TRIGGER_KIND[head.triggerKind]);
    if (head.initiator === undefined) this.#initiator.addNull();
    else this.#initiator.addUuid(head.initiator);
    this.#root.addUuid(head.rootRunId);
    this.#started.addTime(head.startedAt);
    if (end) this.#ended.addTime(end.endedAt);
    else this.#ended.addNull();
    addText(this.#errorCode, end?.errorCode);
    addText(this.#errorMessage, end?.errorMessage);
    addText(this.#errorFingerprint, end?.errorFingerprint);
    if (end?.errorStep !== undefined) addTextAt(this.#errorStep, this.#id.count - 1, end.errorStep);
    this.#events.addInt4(record.toSeq);
    this.#journal.addUtf8(record.bytes);
    this.#addTags(record);
    this.#fence.addInt4(record.fence);
    if (record.waiting === undefined) this.#waiting.addNull();
    else this.#waiting.addInt2(WAITING_FOR[record.waiting]);
    if (record.inbox) for (const id of record.inbox) this.#inbox.addUuid(id);
  }

  #addTimers({ head, timers }: RunRecord): void {
    if (!timers) return;
    for (const { id, dueAt } of timers) {
      this.#tRun.addUuid(head.id);
      this.#tWait.addUtf8(id);
      this.#tWorkspace.addUuid(head.workspaceId);
      this.#tDue.addTime(dueAt);
    }
  }

  #addTags({ head, tags }: RunRecord): void {
    if (!tags) return;
    for (const { key, value } of tags) {
      this.#gRun.addUuid(head.id);
      this.#gWorkspace.addUuid(head.workspaceId);
      this.#gKey.addUtf8(storableText(key));
      this.#gValue.addUtf8(storableText(value));
    }
  }

  #addEnd({ head, end }: RunRecord): void {
    if (!end) return;
    const { answer } = end;
    if (answer) {
      this.#aEnded.addUuid(head.id);
      this.#aRun.addUuid(answer.runId);
      this.#aWorkspace.addUuid(answer.workspaceId);
      this.#aKey.addUtf8(storableText(answer.sourceKey));
      this.#aPayload.addUtf8(storableText(answer.payload));
    }
    if (end.cancelsCalled) this.#cancels.addUuid(head.id);
    if (end.erasesAt !== undefined) {
      this.#eRun.addUuid(head.id);
      this.#eWorkspace.addUuid(head.workspaceId);
      this.#eDue.addTime(end.erasesAt);
    }
    for (const { kind, dueAt, payload } of end.followUps ?? []) {
      this.#fRun.addUuid(head.id);
      this.#fWorkspace.addUuid(head.workspaceId);
      this.#fKind.addUtf8(kind);
      this.#fDue.addTime(dueAt);
      this.#fPayload.addUtf8(storableText(payload));
    }
  }

  #checkSize({ bytes }: RunRecord): void {
    // A UTF-16 unit takes at most three bytes.
    if (bytes.length * 3 <= this.#maxRecordBytes || Buffer.byteLength(bytes) <= this.#maxRecordBytes) return;
    throw new UnstorableValueError(
      `The events of one record take more than ${this.#maxRecordBytes} bytes; large values belong in the blob store`,
    );
  }

  #addUpdate(record: RunRecord): void {
    const { head, end } = record;
    this.#checkSize(record);
    this.#uId.addUuid(head.id);
    this.#uFence.addInt4(record.fence);
    this.#uFrom.addInt4(record.fromSeq);
    this.#uTo.addInt4(record.toSeq);
    this.#uStatus.addInt2(RUN_STATUS[end ? end.status : record.status]);
    if (record.waiting === undefined) this.#uWaiting.addNull();
    else this.#uWaiting.addInt2(WAITING_FOR[record.waiting]);
    if (end) this.#uEnded.addTime(end.endedAt);
    else this.#uEnded.addNull();
    addText(this.#uErrorCode, end?.errorCode);
    addText(this.#uErrorMessage, end?.errorMessage);
    addText(this.#uErrorFingerprint, end?.errorFingerprint);
    if (end?.errorStep !== undefined) addTextAt(this.#uErrorStep, this.#uId.count - 1, end.errorStep);
    this.#uEvents.addUtf8(record.bytes);
    // Array positions count from 1; an empty range ends before it starts.
    this.#uInboxFrom.addInt4(this.#inbox.count + 1);
    if (record.inbox) for (const id of record.inbox) this.#inbox.addUuid(id);
    this.#uInboxTo.addInt4(this.#inbox.count);
  }
}

function addText(column: ArrayColumn, text: string | undefined): void {
  if (text === undefined) column.addNull();
  else column.addUtf8(storableText(text));
}

/** The rows between the last text and this one have none. */
function addTextAt(column: ArrayColumn, place: number, text: string): void {
  while (column.count < place) column.addNull();
  column.addUtf8(storableText(text));
}
