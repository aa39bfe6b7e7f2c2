/**
 * A user id for each cell that no other cell has while it exists: the kernel counts the processes of a user over the whole node.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { V1Job } from "@kubernetes/client-node";
import { type UserIds, userIdLabel } from "#core/manifest/cell-user";
import type { ClusterClient } from "../api/cluster-client.ts";
import { isFinished } from "../api/observe.ts";

/**
 * The user id that a cell tries at an attempt, counted from 0. It is the same each time, so that a Job that is created twice is the same Job.
 */
export function userIdOf(cellId: string, round: number, { first, count }: UserIds): number {
  const hash = createHash("sha256").update(`${cellId}/${round}`).digest().readUInt32BE();
  return first + (hash % count);
}

/** The user id that a Job's code runs under; undefined where it does not say. */
export const userIdIn = ({ spec }: V1Job): number | undefined => spec?.template.spec?.securityContext?.runAsUser;

const isOver = (phase: string | undefined): boolean => phase === "Succeeded" || phase === "Failed";

/**
 * Whether another cell of the namespace has the user id of a Job that was just created.
 *
 * Each worker looks after it has created its Job. Of two that have taken one id at once the later one sees the other's Job, or both
 * see each other's; whoever sees one gives way. So no two go on with the same id, whichever instance they belong to.
 *
 * @throws ClusterError
 */
export async function isUserIdTaken({ namespace, request }: ClusterClient, job: V1Job): Promise<boolean> {
  const selected = { namespace, labelSelector: `${userIdLabel}=${userIdIn(job)}` };
  const [jobs, pods] = await Promise.all([
    request("listing the Jobs of a user id", ({ batch }, options) => batch.listNamespacedJob(selected, options)),
    // Those of a Job that is gone, and which their node still ends.
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
