/**
 * The manifests that `kgents infra init` applies: the files of deploy/cells/.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesObject } from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
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

/** The directory of the manifests, which is part of the package. */
const directory = packageFile("deploy/cells");

/**
 * Replaces the default namespace's name with another one: the namespace's own name, references to it, the Role's, and
 * the names of cluster-wide objects, which end with it.
 */
function renamed(value: unknown, namespace: string): unknown {
  if (value === cellNamespace) return namespace;
  if (typeof value === "string" && value.endsWith(`.${cellNamespace}`)) {
    return `${value.slice(0, -cellNamespace.length)}${namespace}`;
  }
  if (Array.isArray(value)) return value.map((entry) => renamed(entry, namespace));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, renamed(entry, namespace)]));
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
export async function loadManifests(namespace: string, template: PodTemplate = {}): Promise<readonly Manifest[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), "utf8")));
  return texts.flatMap((text, index) =>
    parseAllDocuments(text).map((document) => {
      const value = renamed(document.toJS(), namespace);
      if (document.errors.length === 0 && isManifest(value)) return withPermissions(value, template);
      throw new Error(`deploy/cells/${files[index]}: ${document.errors[0]?.message ?? "not a Kubernetes object"}`);
    }),
  );
}

/** The display name of an object. */
export const titleOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;
