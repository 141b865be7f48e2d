/** Which credentials a node names, by slot: with parameters of the kind `credential`, or under `data.credentials` by type. */
import type { TypeIR } from '@plugboard/sdk';
import { isHidden } from './check-params.ts';
import type { WorkflowNode } from './types.ts';

export interface CredentialUse {
  /** What requests of the step name. */
  readonly slot: string;
  /** Of the credential, unique in its project. */
  readonly key: string;
  /** Types the slot takes. */
  readonly types: readonly string[];
  /** Inside the node. */
  readonly path: string;
}

export function credentialUses(type: TypeIR, node: Pick<WorkflowNode, 'data'>): readonly CredentialUse[] {
  const { params, credentials } = node.data;
  const uses: CredentialUse[] = [];
  for (const [slot, ir] of Object.entries(type.params)) {
    const key = Object.hasOwn(params, slot) ? params[slot] : undefined;
    if (ir.kind !== 'credential' || typeof key !== 'string' || key === '') continue;
    if (ir.when !== undefined && isHidden(ir.when, type.params, params)) continue;
    uses.push({ slot, key, types: ir.types, path: `data.params.${slot}` });
  }
  for (const [slot, key] of Object.entries(credentials ?? {})) {
    if (type.credentials?.includes(slot)) uses.push({ slot, key, types: [slot], path: `data.credentials.${slot}` });
  }
  return uses;
}
