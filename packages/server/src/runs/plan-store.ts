/** Compiled workflow versions, kept in memory: a version never changes, so a plan is compiled once per process. */
import { type WorkflowDefinition, compilePlan } from '@plugboard/engine';
import { type Database, loadVersion } from '@plugboard/persistence';
import type { LoadedPlan, PlanSource } from '@plugboard/runner';
import type { TypeIR } from '@plugboard/sdk';
import type { RunVariables } from '../credentials/variables.ts';

/** Plans in memory; the least recently used leaves. */
const LIMIT = 2000;

export interface PlanStore extends PlanSource {
  /** Before the draft of a workflow is compiled: reads what its runs see. */
  prepare(workflowId: string): Promise<void>;
}

const DRAFT = 0;

/** Thrown when a run names a version that is not in the database. */
export class VersionMissingError extends Error {
  readonly code = 'VERSION_MISSING';
  constructor(workflowId: string, version: number) {
    super(`Version ${version} of workflow ${workflowId} is not in the database`);
    this.name = 'VersionMissingError';
  }
}

/** @param variables what expressions read as `$vars`; none without */
export function createPlanStore(
  database: Database,
  findType: (type: string, version: number) => TypeIR | undefined,
  variables?: RunVariables,
): PlanStore {
  const plans = new Map<string, Promise<LoadedPlan>>();

  const compile = (definition: WorkflowDefinition, of: Omit<LoadedPlan, 'plan' | 'vars' | 'workflowName'>): LoadedPlan => ({
    ...of,
    plan: compilePlan(definition, findType),
    workflowName: definition.name,
    get vars() {
      return variables?.of(of.workflowId, of.environment) ?? {};
    },
  });

  const fetchPlan = async (workflowId: string, version: number, environment: number): Promise<LoadedPlan> => {
    const stored = await loadVersion(database, workflowId, version);
    if (!stored) throw new VersionMissingError(workflowId, version);
    await variables?.load(workflowId, environment);
    return compile(stored.definition, { workspaceId: stored.workspaceId, workflowId, version, environment });
  };

  return {
    load(workflowId, version, environment) {
      const key = `${workflowId}/${version}/${environment}`;
      const known = plans.get(key);
      if (known) {
        plans.delete(key);
        plans.set(key, known);
        return known;
      }
      const made = fetchPlan(workflowId, version, environment);
      made.catch(() => plans.delete(key));
      if (plans.size >= LIMIT) plans.delete(plans.keys().next().value ?? '');
      plans.set(key, made);
      return made;
    },

    compile(definition, head) {
      // A run of a draft that is found again after a crash cannot wait for them; they are there a moment later.
      void variables?.load(head.workflowId, DRAFT).catch(() => undefined);
      return compile(definition, { ...head, version: 0, environment: DRAFT });
    },

    prepare: async (workflowId) => variables?.load(workflowId, DRAFT),
  };
}
