/**
 * The manifests that `kgents infra init` applies: the files of deploy/cells/ or deploy/agents/.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesObject } from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
import { agentNamespace } from "#core/agents/names";
import { cellNamespace } from "#core/contract/names";
import { allowedAnnotations } from "#core/manifest/cluster-names";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import { packageFile } from "#platform/host/package-files";

/** An object to apply. */
export interface Manifest extends KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubernetesObject["metadata"] & { readonly name: string };
}

/**
 * - `cells`: the namespace of cells.
 * - `agents`: the namespace of Agents. Their definition is installed by `kgents infra crd`.
 */
export type ManifestSet = "cells" | "agents";

/** The directories of the manifests, which are part of the package, and the namespaces' names in them. */
const sets: Readonly<Record<ManifestSet, { readonly directory: string; readonly namespace: string }>> = {
  cells: { directory: "deploy/cells", namespace: cellNamespace },
  agents: { directory: "deploy/agents", namespace: agentNamespace },
};

/**
 * Replaces the usual namespace's name with another one: the namespace's own name, references to it, the Role's, and
 * the names of cluster-wide objects, which end with it.
 */
function renamed(value: unknown, usual: string, namespace: string): unknown {
  if (value === usual) return namespace;
  if (typeof value === "string" && value.endsWith(`.${usual}`)) return `${value.slice(0, -usual.length)}${namespace}`;
  if (Array.isArray(value)) return value.map((entry) => renamed(entry, usual, namespace));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, renamed(entry, usual, namespace)]));
}

const isManifest = (value: unknown): value is Manifest =>
  typeof value === "object" && value !== null && "kind" in value && "apiVersion" in value && "metadata" in value;

/** The annotations of the namespace by which the admission policy permits what a template needs. */
function permissionsOf({ priorityClassName, imagePullSecrets, resources }: PodTemplate): Record<string, string> {
  const wanted: Readonly<Record<keyof typeof allowedAnnotations, readonly string[]>> = {
    priorityClasses: priorityClassName === undefined ? [] : [priorityClassName],
    pullSecrets: (imagePullSecrets ?? []).map(({ name }) => name),
    resources: Object.keys(resources ?? {}),
  };
  return Object.fromEntries(
    (["priorityClasses", "pullSecrets", "resources"] as const)
      .filter((what) => wanted[what].length > 0)
      .map((what) => [allowedAnnotations[what], wanted[what].join(",")]),
  );
}

const withPermissions = (manifest: Manifest, template: PodTemplate): Manifest => {
  const permissions = permissionsOf(template);
  if (manifest.kind !== "Namespace" || Object.keys(permissions).length === 0) return manifest;
  return { ...manifest, metadata: { ...manifest.metadata, annotations: permissions } };
};

/**
 * Loads the objects in the order in which they are applied; the namespace comes first.
 *
 * @param template what it needs is permitted in the namespace
 */
export async function loadManifests(
  namespace: string,
  template: PodTemplate = {},
  set: ManifestSet = "cells",
): Promise<readonly Manifest[]> {
  const { directory, namespace: usual } = sets[set];
  const path = packageFile(directory);
  const files = (await readdir(path)).filter((name) => name.endsWith(".yaml")).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(path, name), "utf8")));
  const manifests = texts.flatMap((text, index) =>
    parseAllDocuments(text).map((document) => {
      const value: unknown = document.toJS();
      if (document.errors.length === 0 && isManifest(value)) return value;
      throw new Error(`${directory}/${files[index]}: ${document.errors[0]?.message ?? "not a Kubernetes object"}`);
    }),
  );
  return manifests
    .filter(({ kind }) => kind !== "CustomResourceDefinition")
    .map((manifest) => withPermissions(renamed(manifest, usual, namespace) as Manifest, template));
}

/** The display name of an object. */
export const manifestTitle = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;
