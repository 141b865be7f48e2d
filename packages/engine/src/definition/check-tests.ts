/** Tests of a workflow that name what is not there any more: they would fail without anything being wrong with the workflow. */
import { joinPath } from './reading.ts';
import { problem } from './problems.ts';
import type { Problem, WorkflowDefinition, WorkflowTest } from './types.ts';

export function checkTests({ tests = [], nodes }: WorkflowDefinition): Problem[] {
  const ids = new Set(nodes.map((node) => node.id));
  return tests.flatMap((test, index) =>
    namesOf(test, `tests[${index}]`)
      .filter(({ node }) => !ids.has(node))
      .map(({ node, path }) => problem('TEST_NODE_MISSING', { path }, { test: test.name, id: node })),
  );
}

function namesOf({ trigger, pins = {}, expect }: WorkflowTest, path: string): { readonly node: string; readonly path: string }[] {
  return [
    ...(trigger === undefined ? [] : [{ node: trigger, path: `${path}.trigger` }]),
    ...Object.keys(pins).map((node) => ({ node, path: joinPath(`${path}.pins`, node) })),
    ...expect.map(({ node }, index) => ({ node, path: `${path}.expect[${index}].node` })),
  ];
}
