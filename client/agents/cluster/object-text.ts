import { stringify } from "yaml";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { canonicalJson } from "#core/contract/request-hash";

/** The fields of metadata that authors write. The server sets the others. */
const written = ["name", "namespace", "labels", "annotations"] as const;

/** Annotations that Kubernetes keeps on Deployments. */
const ownAnnotations = ["deployment.kubernetes.io/revision"];

/** An object as YAML with sorted fields, without status and what the server sets in its metadata. */
export function objectText(object: KubernetesJson): string {
  const { metadata = {}, ...rest } = object;
  const { status: _, ...content } = rest as Record<string, unknown>;
  const kept = Object.fromEntries(
    written.filter((field) => metadata[field] !== undefined).map((field) => [field, metadata[field]]),
  );
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.includes(name));
  if (annotations.length > 0) kept.annotations = Object.fromEntries(annotations);
  else delete kept.annotations;
  const sorted: unknown = JSON.parse(canonicalJson({ ...content, metadata: kept }));
  return stringify(sorted, { compat: "yaml-1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
