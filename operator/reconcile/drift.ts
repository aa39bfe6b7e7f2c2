/**
 * Who changed which of the operator's fields, by the managed fields of the API server.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { ManagedFields } from "#core/manifest/object-metadata";

/** A field that somebody changed. */
export interface Drift {
  /** Such as `.spec.replicas`. */
  readonly field: string;
  /** The field manager, such as `kubectl-edit`. */
  readonly manager: string;
}

/** What stands for a value that is not there. */
const nothing = Symbol("nothing");

/** The member of a value that a key of managed fields names: `f:name`, `k:{"name":"agent"}` or `v:"value"`. */
function memberOf(value: unknown, key: string): unknown {
  const [kind, text] = [key.slice(0, 2), key.slice(2)];
  if (kind === "f:") {
    return typeof value === "object" && value !== null && Object.hasOwn(value, text)
      ? Reflect.get(value, text)
      : nothing;
  }
  if (!Array.isArray(value)) return nothing;
  const wanted: unknown = JSON.parse(text);
  const found =
    kind === "v:"
      ? value.find((entry) => isDeepStrictEqual(entry, wanted))
      : value.find((entry) =>
          Object.entries(wanted as object).every(([name, part]) => isDeepStrictEqual(Reflect.get(entry, name), part)),
        );
  return found === undefined ? nothing : found;
}

const stepOf = (key: string): string => (key.startsWith("f:") ? `.${key.slice(2)}` : `[${key.slice(2)}]`);

/** The fields of an entry that both objects have, with different values. */
function differing(fields: object, live: unknown, desired: unknown, path: string): string[] {
  const keys = Object.entries(fields).filter(([key]) => key !== ".");
  if (keys.length === 0) return path === "" || isDeepStrictEqual(live, desired) ? [] : [path];
  return keys.flatMap(([key, below]) => {
    const wanted = memberOf(desired, key);
    if (wanted === nothing) return [];
    return differing(below, memberOf(live, key), wanted, `${path}${stepOf(key)}`);
  });
}

const isOther = (own: string) => (entry: ManagedFields) =>
  entry.manager !== undefined && entry.manager !== own && entry.subresource === undefined;

const timeOf = ({ time }: ManagedFields): number => Date.parse(time ?? "") || 0;

/**
 * Finds who changed fields of an object that the operator applies.
 *
 * A field that was removed has no manager any more: then the one that last wrote the object is named.
 *
 * @param live before the operator put it back
 * @param own the operator's field manager
 * @returns nothing if only the operator wrote the object
 */
export function driftOf(live: KubernetesJson, desired: object, own: string): readonly Drift[] {
  const others = (live.metadata?.managedFields ?? []).filter(isOther(own));
  const changed = others.flatMap(({ manager = "", fieldsV1 = {} }) =>
    differing(fieldsV1, live, desired, "").map((field) => ({ field, manager })),
  );
  if (changed.length > 0) return changed;
  const latest = others.reduce<ManagedFields | undefined>(
    (last, entry) => (last === undefined || timeOf(entry) > timeOf(last) ? entry : last),
    undefined,
  );
  return latest?.manager === undefined ? [] : [{ field: "", manager: latest.manager }];
}
