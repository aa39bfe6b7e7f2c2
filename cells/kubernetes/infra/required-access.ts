/**
 * What a worker may do in the cells' namespace, and no more: the Role of deploy/cells/ says the same.
 *
 * @module
 */

/** One thing that a worker does: a verb on a kind of object. */
export interface RequiredAccess {
  readonly group: string;
  /** With its subresource: `pods/exec`. */
  readonly resource: string;
  readonly verb: string;
}

const rules: readonly [group: string, resource: string, verbs: readonly string[]][] = [
  ["batch", "jobs", ["create", "get", "list", "delete"]],
  ["", "pods", ["get", "list", "watch", "delete"]],
  ["", "pods/exec", ["get", "create"]],
  ["", "events", ["list"]],
  ["", "resourcequotas", ["list"]],
  // The cells' own only.
  ["", "namespaces", ["get"]],
];

/** The table, one line a verb. */
export const requiredAccess: readonly RequiredAccess[] = rules.flatMap(([group, resource, verbs]) =>
  verbs.map((verb) => ({ group, resource, verb })),
);
