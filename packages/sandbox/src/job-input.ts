/** A job as the guest reads it: JSON text. */
import type { Item } from '@plugboard/sdk';

import type { CodeJob, CodeLimits } from './code-job.ts';
import type { Steps } from './steps.ts';

/** Items put into text between two pauses. */
const stepItems = 64;

/** Items of a job, those of other nodes included: what the size of its text depends on. */
export function itemsIn(job: CodeJob): number {
  let count = job.items.length;
  for (const node of Object.values(job.scope.nodes)) count += node.items.length;
  return count;
}

/** The zone comes first: the child looks for it there. */
export function* inputText(job: CodeJob, limits: CodeLimits): Steps<string> {
  const { zone, now, nodes, run, workflow, vars } = job.scope;
  const head = JSON.stringify({ zone, mode: job.mode, outputBytes: limits.outputBytes, maxItems: limits.items });
  const items = yield* listText(job.items);
  let nodesText = '';
  for (const [name, node] of Object.entries(nodes)) {
    const list = yield* listText(node.items);
    const paired = node.paired === undefined ? '' : `,"paired":${JSON.stringify(node.paired)}`;
    nodesText += `${nodesText === '' ? '' : ','}${JSON.stringify(name)}:{"items":${list}${paired}}`;
  }
  const tail = JSON.stringify({ run, workflow, vars, now });
  return `${head.slice(0, -1)},"items":${items},"nodes":{${nodesText}},${tail.slice(1)}`;
}

function* listText(items: readonly Item[]): Steps<string> {
  let text = '';
  for (let at = 0; at < items.length; at += stepItems) {
    const some = JSON.stringify(items.slice(at, at + stepItems)).slice(1, -1);
    text += text === '' ? some : `,${some}`;
    yield;
  }
  return `[${text}]`;
}
