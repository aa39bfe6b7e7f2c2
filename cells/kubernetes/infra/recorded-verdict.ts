/** Stores the canary's verdict in annotations of the namespace. */
import {
  type NetworkIsolation,
  networkIsolationAnnotation,
  networkIsolationCheckedAnnotation,
  networkIsolationReasonAnnotation,
  networkIsolationTriedAnnotation,
  readCanaryTargets,
} from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import type { CanaryVerdict } from "./canary.ts";
import { objectsFor } from "./infra-cluster.ts";

/** A verdict, and when it was found. */
export interface RecordedVerdict extends CanaryVerdict {
  /** ISO 8601; null if no canary has run. */
  readonly checkedAt: string | null;
}

// Different from the manager that applies the manifests, because server-side apply removes the manager's fields that
// the manifests do not mention.
const fieldManager = "kgents-canary";

/** Writes the verdict to the namespace. */
export async function recordVerdict(
  client: ClusterClient,
  { isolation, reason, tried }: CanaryVerdict,
): Promise<RecordedVerdict> {
  const checkedAt = new Date().toISOString();
  const annotations = {
    [networkIsolationAnnotation]: isolation,
    [networkIsolationCheckedAnnotation]: checkedAt,
    // Null removes the annotation.
    [networkIsolationReasonAnnotation]: reason,
    [networkIsolationTriedAnnotation]: isolation === "enforced" ? tried.join(",") : null,
  };
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: client.namespace } };
  const patch = { metadata: { annotations } };
  await client.request(`recording the verdict on ${client.namespace}`, (_, call) =>
    objectsFor(client, call, patch).patch(
      object,
      undefined,
      undefined,
      fieldManager,
      undefined,
      client.module.PatchStrategy.MergePatch,
    ),
  );
  return { isolation, reason, tried, checkedAt };
}

const verdicts: readonly string[] = ["enforced", "not-enforced", "unknown"] satisfies NetworkIsolation[];
const isVerdict = (value: string | undefined): value is NetworkIsolation =>
  value !== undefined && verdicts.includes(value);

/** A namespace, as far as it says what the canary found. */
interface JudgedNamespace {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** Reads the verdict from the namespace. An unknown value counts as `unknown`. */
export function verdictOn({ metadata }: JudgedNamespace): RecordedVerdict {
  const annotations = metadata?.annotations ?? {};
  const isolation = annotations[networkIsolationAnnotation];
  const checkedAt = annotations[networkIsolationCheckedAnnotation] ?? null;
  if (!isVerdict(isolation)) return { isolation: "unknown", reason: "no canary has looked yet", tried: [], checkedAt };
  const tried = isolation === "enforced" ? readCanaryTargets(annotations[networkIsolationTriedAnnotation]) : [];
  return { isolation, reason: annotations[networkIsolationReasonAnnotation] ?? null, tried, checkedAt };
}
