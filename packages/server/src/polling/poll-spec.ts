/** A trigger that asks, as the publish stores it. */
import type { PollRowSpec } from '@plugboard/persistence';
import type { JsonObject, ParamsIR } from '@plugboard/sdk';

const USUAL_SECONDS = 300;
/** No service is asked more often than this, whatever a type allows. */
const LEAST_SECONDS = 5;

export function pollSpec(node: {
  readonly nodeId: string;
  readonly name: string;
  readonly type: string;
  readonly version: number;
  readonly ir: ParamsIR;
  readonly params: JsonObject;
}): PollRowSpec {
  const { nodeId, name, type, version, ir, params } = node;
  const given = params['everySeconds'] ?? ir['everySeconds']?.default;
  const seconds = typeof given === 'number' ? Math.max(given, LEAST_SECONDS) : USUAL_SECONDS;
  // What else of the parameters changes what a cursor means only the type can know; it keeps that in the cursor.
  return { nodeId, nodeName: name, everyMs: Math.round(seconds * 1000), basis: `${type}@${version}` };
}
