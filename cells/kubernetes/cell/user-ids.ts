/**
 * Assigns each cell a user id that no other existing cell has: the kernel counts a user's processes across the whole
 * node.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { V1Job } from "@kubernetes/client-node";
import { type UserIds, userIdLabel } from "#core/manifest/cell-user";
import type { ClusterClient } from "../api/cluster-client.ts";
import { isFinished } from "../api/observe.ts";

/**
 * The user id that a cell tries in a round, from 0. It is deterministic, so that creating a Job twice yields the same
 * Job.
 */
export function userIdOf(cellId: string, round: number, { first, count }: UserIds): number {
  const hash = createHash("sha256").update(`${cellId}/${round}`).digest().readUInt32BE();
  return first + (hash % count);
}

/** The user id under which a Job's code runs; undefined if not set. */
export const userIdIn = ({ spec }: V1Job): number | undefined => spec?.template.spec?.securityContext?.runAsUser;

const isOver = (phase: string | undefined): boolean => phase === "Succeeded" || phase === "Failed";

/**
 * Whether another cell of the namespace has the user id of a Job that was just created.
 *
 * Each worker checks after it has created its Job. If two workers take one id at the same time, at least the later one
 * sees the other's Job, and a worker that sees another Job gives up the id. So no two cells keep the same id, even
 * across instances.
 *
 * @throws ClusterError
 */
export async function isUserIdTaken({ namespace, request }: ClusterClient, job: V1Job): Promise<boolean> {
  const selected = { namespace, labelSelector: `${userIdLabel}=${userIdIn(job)}` };
  const [jobs, pods] = await Promise.all([
    request("listing the Jobs of a user id", ({ batch }, options) => batch.listNamespacedJob(selected, options)),
    // Includes pods whose Job was deleted and that their node is still terminating.
    request("listing the pods of a user id", ({ core }, options) => core.listNamespacedPod(selected, options)),
  ]);
  const uid = job.metadata?.uid;
  return (
    jobs.items.some((other) => other.metadata?.uid !== uid && !isFinished(other)) ||
    pods.items.some(({ metadata, status }) => {
      const isOwn = metadata?.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
      return !isOwn && !isOver(status?.phase);
    })
  );
}
