/**
 * What a change of the definition of Agents does to the objects that are stored.
 *
 * @module
 */

import { isRecord } from "../text/is-record.ts";
import { type AgentIssue, parseAgent } from "./agent.ts";
import { fieldOf } from "./agent-issues.ts";
import type { Crd, CrdVersion } from "./crd.ts";
import { agentApiVersion, agentKind } from "./names.ts";
import type { StructuralSchema } from "./structural.ts";

type Path = AgentIssue["path"];

/** The paths in a value for which a schema has no place. The API server removes them at the next write. */
function unknownPaths(value: unknown, schema: StructuralSchema, path: Path): Path[] {
  if (Array.isArray(value)) {
    const { items = {} } = schema;
    return value.flatMap((entry, index) => unknownPaths(entry, items, [...path, index]));
  }
  if (!isRecord(value) || schema["x-kubernetes-preserve-unknown-fields"] === true) return [];
  return Object.entries(value).flatMap(([name, part]) => {
    const inner = schema.properties?.[name];
    return inner === undefined ? [[...path, name]] : unknownPaths(part, inner, [...path, name]);
  });
}

function without(value: unknown, path: Path): unknown {
  const [key, ...rest] = path;
  if (Array.isArray(value)) return value.map((entry, index) => (index === key ? without(entry, rest) : entry));
  if (!isRecord(value) || key === undefined) return value;
  const { [key]: part, ...others } = value;
  return rest.length === 0 ? others : { ...others, [key]: without(part, rest) };
}

/** A stored object, of any version. */
export interface StoredAgent {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

/** What becomes of one object. */
export interface ObjectChange {
  /** Namespace and name. */
  readonly object: string;
  /** The fields that would be lost, such as `spec.health`. */
  readonly lost: readonly string[];
  /** The rules that the rest of it breaks. */
  readonly issues: readonly AgentIssue[];
}

/** The schema of a version of a definition. */
export const schemaOf = (version: CrdVersion | undefined): StructuralSchema => version?.schema?.openAPIV3Schema ?? {};

/** What becomes of an object under the schema of a definition. Its status is the operator's, which writes it anew. */
export function objectChange(stored: StoredAgent, schema: StructuralSchema): ObjectChange {
  const lost = unknownPaths(stored.spec, schema.properties?.spec ?? {}, ["spec"]);
  const kept = lost.reduce<unknown>((value, path) => without(value, path), { spec: stored.spec });
  const { spec } = kept as { spec: unknown };
  const { name, namespace } = stored.metadata;
  const object = { apiVersion: agentApiVersion, kind: agentKind, metadata: stored.metadata, spec };
  return {
    object: namespace === undefined ? name : `${namespace}/${name}`,
    lost: lost.map(fieldOf),
    issues: parseAgent(object).issues ?? [],
  };
}

/** A definition in the cluster. */
export interface LiveCrd extends Crd {
  readonly metadata: Crd["metadata"] & {
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly managedFields?: unknown;
  };
  readonly status?: {
    readonly storedVersions?: readonly string[];
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** The versions that objects may be stored in, or applied through, and that a definition lacks. */
export function foreignVersions(live: LiveCrd, wanted: Crd): readonly string[] {
  const ours = wanted.spec.versions.map(({ name }) => name);
  const theirs = [...live.spec.versions.map(({ name }) => name), ...(live.status?.storedVersions ?? [])];
  return [...new Set(theirs)].filter((name) => !ours.includes(name));
}

/**
 * A definition between a live one and the wanted one: objects are stored in the wanted version, and the other versions
 * are still known. Without conversion: they only differ in their name.
 */
export function transitionalCrd(live: LiveCrd, wanted: Crd, served: boolean): Crd {
  const foreign = foreignVersions(live, wanted);
  const kept = live.spec.versions
    .filter(({ name }) => foreign.includes(name))
    .map((version) => ({ ...version, served: served && version.served, storage: false, deprecated: true }));
  return { ...wanted, spec: { ...wanted.spec, versions: [...wanted.spec.versions, ...kept] } };
}
