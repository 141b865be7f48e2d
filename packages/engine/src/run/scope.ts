/** What expressions of a step see: its item, its input, earlier nodes, and facts about the run. */
import type { InputView, NodeView, Scope } from '@plugboard/expression';
import type { Item, JsonObject } from '@plugboard/sdk';
import type { PlanNode } from '../plan/plan.ts';
import { allItems, ancestorItem, outputsSeenFrom } from './lineage.ts';
import { EMPTY_INPUT, type RunState, type Scope as StepScope, type StepInput, type StepState, inputItem, inputItems } from './state.ts';
import { isFinal, stepSeenFrom } from './steps.ts';

/** What is the same for every expression of one step. */
export interface StepFacts {
  readonly run: JsonObject;
  readonly workflow: JsonObject;
  readonly vars: JsonObject;
  /** ISO instant of the step's start. */
  readonly now: string;
  readonly zone: string;
}

/** Gives scopes for the items of one step; `undefined` is the scope without an item, for per-batch types. */
export function stepScopes(run: RunState, step: StepState, facts: StepFacts): (index: number | undefined) => Scope {
  const view = new StepView(run, step, facts);
  return (index) => new ItemScope(view, index);
}

/** What all scopes of a step share; lists over several edges or ports are put together once. */
class StepView {
  readonly run: RunState;
  readonly input: StepInput;
  readonly facts: StepFacts;
  /** What of the run the step sees. */
  readonly scope: StepScope;
  #itemsOf: Map<PlanNode, readonly Item[]> | undefined;
  #all: readonly Item[] | undefined;

  constructor(run: RunState, { input, scope }: StepState, facts: StepFacts) {
    this.run = run;
    this.input = input ?? EMPTY_INPUT;
    this.scope = scope;
    this.facts = facts;
  }

  allInput(): readonly Item[] {
    this.#all ??= inputItems(this.input);
    return this.#all;
  }

  allOf(node: PlanNode): readonly Item[] {
    const known = this.#itemsOf?.get(node);
    if (known) return known;
    const items = allItems(this.scope, node);
    // A parallel branch may still be at work.
    const step = stepSeenFrom(this.scope, node.index);
    if (step && isFinal(step.phase)) (this.#itemsOf ??= new Map<PlanNode, readonly Item[]>()).set(node, items);
    return items;
  }
}

class ItemScope implements Scope {
  readonly json: JsonObject | undefined;
  readonly itemIndex: number | undefined;
  readonly #view: StepView;
  readonly #item: Item | undefined;

  constructor(view: StepView, index: number | undefined) {
    this.#view = view;
    this.itemIndex = index;
    this.#item = index === undefined ? undefined : inputItem(view.input, index);
    this.json = this.#item?.json;
  }

  get files() {
    return this.#item?.files;
  }

  get run() {
    return this.#view.facts.run;
  }

  get workflow() {
    return this.#view.facts.workflow;
  }

  get vars() {
    return this.#view.facts.vars;
  }

  get now() {
    return this.#view.facts.now;
  }

  get zone() {
    return this.#view.facts.zone;
  }

  get input(): InputView {
    return { item: () => this.#item, all: () => this.#view.allInput() };
  }

  node(name: string): NodeView | undefined {
    const view = this.#view;
    const node = view.run.plan.byName.get(name);
    if (!node) return undefined;
    const index = this.itemIndex;
    return {
      item: () => {
        if (!outputsSeenFrom(view.scope, node)) return undefined;
        return index === undefined ? view.allOf(node)[0] : ancestorItem(view.run, view.scope, view.input, index, node);
      },
      all: () => view.allOf(node),
    };
  }
}
