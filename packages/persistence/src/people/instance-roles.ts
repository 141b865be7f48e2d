/** Roles above the workspaces, and the moment in which the first person becomes owner of everything. */
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import { raiseAccessVersionsOf } from './access-version.ts';

export type InstanceRole = 'operator';

/**
 * Waits until nobody else is about to make the owner, then says whether that is still to be done. Nobody can answer true a
 * second time: whoever got it makes the operator in the same transaction.
 */
export async function lockOwnerCreation(tx: InstanceTransaction): Promise<boolean> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('plugboard.owner'))`);
  return !(await hasOperator(tx));
}

/** Whether the instance was set up. */
export async function hasOperator(statements: InstanceStatements): Promise<boolean> {
  return (await statements.query('select from instance_role limit 1')).length > 0;
}

export async function grantInstanceRole(
  tx: InstanceTransaction,
  { principalId, role, createdBy }: { readonly principalId: string; readonly role: InstanceRole; readonly createdBy?: string },
): Promise<void> {
  await tx.query('insert into instance_role (principal_id, role, created_by) values ($1, $2, $3) on conflict do nothing', [
    principalId,
    role,
    createdBy ?? null,
  ]);
  await raiseAccessVersionsOf(tx, principalId);
}

export type RevokeInstanceRoleResult = { readonly kind: 'revoked' } | { readonly kind: 'not-found' } | { readonly kind: 'last-operator' };

/** The last operator stays: nobody could make another one. */
export async function revokeInstanceRole(
  tx: InstanceTransaction,
  principalId: string,
  role: InstanceRole,
): Promise<RevokeInstanceRoleResult> {
  if (await isLastOperator(tx, principalId)) return { kind: 'last-operator' };
  const rows = await tx.query('delete from instance_role where principal_id = $1 and role = $2 returning 1', [principalId, role]);
  if (rows.length === 0) return { kind: 'not-found' };
  await raiseAccessVersionsOf(tx, principalId);
  return { kind: 'revoked' };
}

/** Holds until the transaction ends: nobody else stops being an operator meanwhile. */
export async function isLastOperator(tx: InstanceTransaction, principalId: string): Promise<boolean> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('plugboard.owner'))`);
  const operators = await listInstanceRoles(tx);
  return operators.length === 1 && operators[0]?.principalId === principalId;
}

/** Of people who may sign in. */
export function listInstanceRoles(statements: InstanceStatements): Promise<{ principalId: string; role: InstanceRole }[]> {
  return statements.query(
    `select r.principal_id as "principalId", r.role from instance_role r left join person e on e.principal_id = r.principal_id
      where e.disabled_at is null order by r.created_at, r.principal_id`,
  );
}
