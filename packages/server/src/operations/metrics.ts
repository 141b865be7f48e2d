/** What Prometheus reads. No label names a workflow, run, person or path, so that the number of series stays fixed. */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { JournalWriter } from '@plugboard/persistence';
import type { Dispatcher } from '@plugboard/engine';
import type { Runner } from '@plugboard/runner';
import type { Sandbox } from '@plugboard/sandbox';

export interface MetricSources {
  readonly runner: Runner;
  readonly journal: JournalWriter;
  readonly dispatcher: Dispatcher;
  readonly sandbox: Sandbox;
  readonly hooksWaiting: () => number;
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
  gauge('plugboard_journal_up', '1 while the database takes the journal.', () => (journal.metrics.state === 'up' ? 1 : 0));
  gauge('plugboard_journal_pending_records', 'Journal records that wait for their flush.', () => journal.metrics.pending);
  gauge('plugboard_journal_flush_seconds', 'Moving average of a flush.', () => journal.metrics.flushMs / 1000);
  counter('plugboard_journal_records_total', 'Journal records committed.', () => journal.metrics.records);
  counter('plugboard_journal_commits_total', 'Journal flushes committed.', () => journal.metrics.commits);
  counter('plugboard_journal_reconnects_total', 'Times the journal writer reconnected.', () => journal.metrics.reconnects);
  gauge('plugboard_sandbox_processes', 'Child processes for code steps.', () => sandbox.stats().children);
  gauge('plugboard_sandbox_queued', 'Code steps that wait for a child process.', () => sandbox.stats().queued);
  return registry;
}
