import { createHash } from "node:crypto";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";

/** Annotations that the controllers of Kubernetes write on objects of others. */
const controllersAnnotation = /^deployment\.kubernetes\.io\//;

/**
 * A hash of what an object asks for: not of its status, nor of what changes with each write. A list leaves out
 * `apiVersion` and `kind`, and a watch does not.
 */
export function contentHash(object: KubernetesJson): string {
  const { apiVersion: _, kind: _kind, metadata = {}, ...rest } = object;
  const { labels, annotations = {}, ownerReferences, deletionTimestamp } = metadata;
  const { status: _status, ...content } = rest as Readonly<Record<string, unknown>>;
  const kept = Object.entries(annotations).filter(([name]) => !controllersAnnotation.test(name));
  const text = JSON.stringify([content, labels, kept, ownerReferences, deletionTimestamp]);
  return createHash("sha1").update(text).digest("base64url");
}
