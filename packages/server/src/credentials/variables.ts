/**
 * The variables runs see, kept in memory by project and environment. A change shows in runs that are at work too; steps that write have
 * what they were given in the journal.
 */
import { type Database, ENVIRONMENT, findProjectOfWorkflow, loadVariables } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';

export interface RunVariables {
  /** Reads what runs of a workflow see, so that `of` has it. */
  load(workflowId: string, environment: number): Promise<void>;
  /** As read last; empty before. */
  of(workflowId: string, environment: number): JsonObject;
  /** After a change: reads them anew where they are in memory. */
  changed(place: { readonly projectId: string; readonly environment: number }): Promise<void>;
}

/** Workflows and places in memory; the first of them leave. */
const LIMIT = 10_000;
const NONE: JsonObject = Object.freeze({});

export function createRunVariables(database: Database): RunVariables {
  const projects = new Map<string, string>();
  // One map for each environment: this is asked for every step, and a key made of two texts would be made anew each time.
  const draft = new Map<string, JsonObject>();
  const live = new Map<string, JsonObject>();
  const valuesIn = (environment: number): Map<string, JsonObject> => (environment === ENVIRONMENT.live ? live : draft);

  const read = async (projectId: string, environment: number): Promise<void> => {
    keep(valuesIn(environment), projectId, Object.freeze(await loadVariables(database, { projectId, environment })));
  };

  return {
    async load(workflowId, environment) {
      const projectId = await findProjectOfWorkflow(database, workflowId);
      if (projectId === undefined) return;
      keep(projects, workflowId, projectId);
      if (!valuesIn(environment).has(projectId)) await read(projectId, environment);
    },
    of: (workflowId, environment) => valuesIn(environment).get(projects.get(workflowId) ?? '') ?? NONE,
    async changed({ projectId, environment }) {
      if (valuesIn(environment).has(projectId)) await read(projectId, environment);
    },
  };
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  if (map.size >= LIMIT) map.delete(map.keys().next().value ?? '');
  map.set(key, value);
}
