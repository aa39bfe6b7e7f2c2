/**
 * The permissions of a worker in the cells' namespace, the same as in the Role of deploy/cells/.
 *
 * @module
 */

/** One permission: a verb on a resource. */
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
  // Only the cells' own namespace.
  ["", "namespaces", ["get"]],
];

/** The rules, one entry per verb. */
export const requiredAccess: readonly RequiredAccess[] = rules.flatMap(([group, resource, verbs]) =>
  verbs.map((verb) => ({ group, resource, verb })),
);
