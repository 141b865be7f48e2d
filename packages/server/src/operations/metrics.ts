/** What Prometheus reads. No label names a workflow, run, person or path, so that the number of series stays fixed. */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { JournalWriter } from '@plugboard/persistence';
import type { Dispatcher } from '@plugboard/engine';
import type { Runner } from '@plugboard/runner';
import type { Sandbox } from '@plugboard/sandbox';
import type { ConnectStats } from '../egress/brokered-connect.ts';
import type { LiveStats } from '../live/live-contract.ts';
import type { SweepStats } from './sweepers.ts';

export interface MetricSources {
  readonly runner: Runner;
  readonly journal: JournalWriter;
  readonly dispatcher: Dispatcher;
  readonly sandbox: Sandbox;
  readonly hooksWaiting: () => number;
  /** Connections of steps. */
  readonly connections: () => ConnectStats;
  /** Absent before the server listens. */
  readonly live: () => LiveStats | undefined;
  readonly sweeps: () => readonly SweepStats[];
}

export function createMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const { runner, journal, dispatcher, sandbox } = sources;
  counter('plugboard_runs_started_total', 'Runs started by this process.', () => runner.stats.started);
  new Counter({
    name: 'plugboard_runs_ended_total',
    help: 'Runs ended by this process, by status.',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ status: 'succeeded' }, runner.stats.succeeded);
      this.inc({ status: 'failed' }, runner.stats.failed);
      this.inc({ status: 'cancelled' }, runner.stats.cancelled);
      this.inc({ status: 'timed_out' }, runner.stats.timedOut);
    },
  });
  counter('plugboard_runs_recovered_total', 'Runs this process took over from one that was gone.', () => runner.stats.recovered);
  counter('plugboard_steps_total', 'Attempts of steps carried out by this process.', () => runner.stats.steps);
  gauge('plugboard_runs_active', 'Runs in memory.', () => runner.activeRuns);
  gauge('plugboard_runs_queued', 'Accepted runs that wait for a free place.', () => dispatcher.waiting);
  gauge('plugboard_hooks_waiting', 'Webhook requests that wait for their run.', sources.hooksWaiting);
  gauge('plugboard_step_connections', 'Connections that steps have open.', () => sources.connections().open);
  counter('plugboard_step_connections_total', 'Connections opened for steps.', () => sources.connections().opened);
  counter(
    'plugboard_step_connections_refused_total',
    'Connections of steps that were refused or did not come about.',
    () => sources.connections().refused,
  );
  counter('plugboard_step_connections_in_bytes_total', 'Bytes steps got over connections.', () => sources.connections().bytesIn);
  counter('plugboard_step_connections_out_bytes_total', 'Bytes steps sent over connections.', () => sources.connections().bytesOut);
  gauge('plugboard_live_sockets', 'Open sockets.', () => sources.live()?.sockets ?? 0);
  gauge('plugboard_live_subscriptions', 'Topics that sockets have joined.', () => sources.live()?.subscriptions ?? 0);
  gauge('plugboard_live_queued_bytes', 'Bytes for sockets that the network has not taken.', () => sources.live()?.queuedBytes ?? 0);
  counter('plugboard_live_frames_total', 'Frames made for sockets; one for many sockets counts once.', () => sources.live()?.frames ?? 0);
  counter(
    'plugboard_live_resyncs_total',
    'Subscriptions dropped because their socket read too slowly.',
    () => sources.live()?.resyncs ?? 0,
  );
  gauge('plugboard_journal_up', '1 while the database takes the journal.', () => (journal.metrics.state === 'up' ? 1 : 0));
  gauge('plugboard_journal_pending_records', 'Journal records that wait for their flush.', () => journal.metrics.pending);
  gauge('plugboard_journal_flush_seconds', 'Moving average of a flush.', () => journal.metrics.flushMs / 1000);
  counter('plugboard_journal_records_total', 'Journal records committed.', () => journal.metrics.records);
  counter('plugboard_journal_commits_total', 'Journal flushes committed.', () => journal.metrics.commits);
  counter('plugboard_journal_reconnects_total', 'Times the journal writer reconnected.', () => journal.metrics.reconnects);
  const perSweep = (metric: Gauge<'sweep'> | Counter<'sweep'>, read: (one: SweepStats) => number): void => {
    metric.reset();
    for (const one of sources.sweeps()) metric.inc({ sweep: one.name }, read(one));
  };
  const sweepLabel = { labelNames: ['sweep'] as const, registers: [registry] };
  new Gauge({
    ...sweepLabel,
    name: 'plugboard_sweep_seconds',
    help: 'Length of the last pass of clearing away, by kind.',
    collect() {
      perSweep(this, (one) => one.lastMs / 1000);
    },
  });
  new Counter({
    ...sweepLabel,
    name: 'plugboard_swept_total',
    help: 'Things cleared away or put in order, by kind.',
    collect() {
      perSweep(this, (one) => one.swept);
    },
  });
  new Counter({
    ...sweepLabel,
    name: 'plugboard_sweep_failures_total',
    help: 'Passes of clearing away that failed, by kind.',
    collect() {
      perSweep(this, (one) => one.failures);
    },
  });
  gauge('plugboard_sandbox_processes', 'Child processes for code steps.', () => sandbox.stats().children);
  gauge('plugboard_sandbox_queued', 'Code steps that wait for a child process.', () => sandbox.stats().queued);
  return registry;
}
