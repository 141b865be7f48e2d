/** A node as the checks see it: with its type, its place in the definition and its name for messages. */
import type { TypeIR } from '@plugboard/sdk';
import type { Place } from './problems.ts';
import type { Problem, WorkflowDefinition, WorkflowNode } from './types.ts';

export interface Subject {
  readonly index: number;
  readonly node: WorkflowNode;
  /** Undefined when it is not installed. */
  readonly type: TypeIR | undefined;
  /** Such as `nodes[2]`. */
  readonly path: string;
  /** What messages call the node. */
  readonly name: string;
}

export function subjectsOf(definition: WorkflowDefinition, findType: (type: string, version: number) => TypeIR | undefined): Subject[] {
  return definition.nodes.map((node, index) => ({
    index,
    node,
    type: findType(node.type, node.data.typeVersion),
    path: `nodes[${index}]`,
    name: node.data.name.trim() === '' ? node.id : node.data.name,
  }));
}

export function placeOf(subject: Subject, path: string): Place {
  return { path: `${subject.path}.${path}`, nodeId: subject.node.id };
}

/** What is wrong inside a disabled step does not block, because it does not run. */
export function severityFor(subject: Subject, severity: Problem['severity']): Problem['severity'] {
  return subject.node.data.disabled === true ? 'warning' : severity;
}
