/** What expressions of a step see: its item, its input, earlier nodes, and facts about the run. */
import type { InputView, NodeView, Scope } from '@plugboard/expression';
import type { Item, JsonObject } from '@plugboard/sdk';
import type { PlanNode } from '../plan/plan.ts';
import { allItems, ancestorItem } from './lineage.ts';
import { type RunState, type StepInput, inputItem, inputItems } from './state.ts';
import { isFinal, stepAt } from './steps.ts';

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
export function stepScopes(run: RunState, input: StepInput, facts: StepFacts): (index: number | undefined) => Scope {
  const view = new StepView(run, input, facts);
  return (index) => new ItemScope(view, index);
}

/** What all scopes of a step share; lists over several edges or ports are put together once. */
class StepView {
  readonly run: RunState;
  readonly input: StepInput;
  readonly facts: StepFacts;
  readonly #itemsOf = new Map<PlanNode, readonly Item[]>();
  #all: readonly Item[] | undefined;

  constructor(run: RunState, input: StepInput, facts: StepFacts) {
    this.run = run;
    this.input = input;
    this.facts = facts;
  }

  allInput(): readonly Item[] {
    this.#all ??= inputItems(this.input);
    return this.#all;
  }

  allOf(node: PlanNode): readonly Item[] {
    const known = this.#itemsOf.get(node);
    if (known) return known;
    const items = allItems(this.run, node);
    // A parallel branch may still be at work.
    if (isFinal(stepAt(this.run, node.index).phase)) this.#itemsOf.set(node, items);
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
        if (stepAt(view.run, node.index).phase !== 'succeeded') return undefined;
        return index === undefined ? view.allOf(node)[0] : ancestorItem(view.run, view.input, index, node);
      },
      all: () => view.allOf(node),
    };
  }
}
