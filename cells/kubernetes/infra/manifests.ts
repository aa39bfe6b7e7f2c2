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

/** Loads the objects in the order in which they are applied; the namespace comes first. */
export async function loadManifests(namespace: string): Promise<readonly Manifest[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), "utf8")));
  return texts.flatMap((text, index) =>
    parseAllDocuments(text).map((document) => {
      const value = renamed(document.toJS(), namespace);
      if (document.errors.length === 0 && isManifest(value)) return value;
      throw new Error(`deploy/cells/${files[index]}: ${document.errors[0]?.message ?? "not a Kubernetes object"}`);
    }),
  );
}

/** The display name of an object. */
export const titleOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;
