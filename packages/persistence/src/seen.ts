/** What of a workspace somebody may see, as values of a statement: lists and counts leave the rest out, so that they tell nothing of it. */

/** Everything, or what lies in these projects and these single things. */
export type Seen =
  | { readonly kind: 'all' }
  | { readonly kind: 'some'; readonly projectIds: readonly string[]; readonly ids: readonly string[] };

/** For {@link seenWorkflow}: projects (null for all) and single workflows. */
export function seenValues(seen: Seen): [readonly string[] | null, readonly string[]] {
  return seen.kind === 'all' ? [null, []] : [seen.projectIds, seen.ids];
}

/** Condition on a workflow `w`, with the values in two parameters from number `at` on. */
export function seenWorkflow(at: number): string {
  return `($${at}::uuid[] is null or w.project_id = any($${at}) or w.id = any($${at + 1}::uuid[]))`;
}
