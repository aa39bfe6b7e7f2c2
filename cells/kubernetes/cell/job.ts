/**
 * Creates the Job of a cell in the cluster, or adopts an existing one.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { V1Job } from "@kubernetes/client-node";
import { KgentsError } from "#core/contract/error";
import { canonicalJson, sha256 } from "#core/contract/request-hash";
import type { UserIds } from "#core/manifest/cell-user";
import {
  cellLabel,
  instanceLabel,
  runIdAnnotation,
  specHashAnnotation,
  workflowIdAnnotation,
} from "#core/manifest/cluster-names";
import { renderJob } from "#core/manifest/manifest";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import type { CellPlan } from "../../cell-plan.ts";
import { NoPlace } from "../../placement/no-place.ts";
import { ClusterError, toRunFailure } from "../api/cluster-error.ts";
import { readJob } from "../api/observe.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { toV1Job } from "../api/v1-job.ts";
import { isQuotaRefusal, neverFits, shortageIn } from "../quotas/quota.ts";
import { deleteJob } from "./delete-cell.ts";
import { hasSpecOf, isJobOf } from "./same-job.ts";
import { isUserIdTaken, userIdIn, userIdOf } from "./user-ids.ts";

/** Settings of a Job that come neither from the request nor from the run. */
export interface JobSettings {
  readonly runtimeClassName: string | undefined;
  readonly podTemplate: PodTemplate | undefined;
  readonly userIds: UserIds;
}

type Creating = Pick<OwnCells, "client" | "instance">;

/** How many user ids to try before the range counts as used up. */
const userIdRounds = 16;

/** Renders the Job of a plan. */
async function render(
  { client, instance }: Creating,
  { cellId, shape, owner, annotations }: CellPlan,
  { runtimeClassName, podTemplate }: JobSettings,
  userId: number,
): Promise<V1Job> {
  const job = renderJob({
    name: cellId,
    namespace: client.namespace,
    shape,
    labels: { [instanceLabel]: instance, [cellLabel]: cellId },
    annotations: {
      ...(await annotations?.()),
      [workflowIdAnnotation]: owner.workflowId,
      [runIdAnnotation]: owner.runId,
    },
    createdAt: new Date(),
    runtimeClassName,
    podTemplate,
    userId,
  });
  const hash = await sha256(canonicalJson(job.spec));
  const metadata = { ...job.metadata, annotations: { ...job.metadata.annotations, [specHashAnnotation]: hash } };
  return toV1Job({ ...job, metadata });
}

/** Checks that the existing Job of this name belongs to this run. */
async function adopt(own: Creating, there: V1Job, plan: CellPlan, settings: JobSettings): Promise<V1Job> {
  const { first, count } = settings.userIds;
  const userId = userIdIn(there) ?? -1;
  const isOurs =
    isJobOf(there, plan, own.instance) &&
    userId >= first &&
    userId < first + count &&
    hasSpecOf(there, await render(own, plan, settings, userId));
  if (isOurs) return there;
  throw new KgentsError("internal", `the Job ${plan.cellId} is there already, and is not this run's`);
}

/** Creates the Job under a user id, or adopts an existing one, which may have any user id of the range. */
async function createOrAdopt(own: Creating, plan: CellPlan, settings: JobSettings, userId: number): Promise<V1Job> {
  const { client } = own;
  const body = await render(own, plan, settings, userId);
  for (;;) {
    try {
      return await client.request("creating the Job", ({ batch }, options) =>
        batch.createNamespacedJob({ namespace: client.namespace, body }, options),
      );
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (error.status === 409) {
        const there = await readJob(own, plan.cellId);
        // It was deleted in between, so create it again.
        if (there === null) continue;
        return adopt(own, there, plan, settings);
      }
      if (error.status !== 403 || !isQuotaRefusal(error.message)) throw toRunFailure(error);
      const shortage = shortageIn(error.message);
      throw shortage.always ? neverFits(shortage, error) : new NoPlace(shortage.reason, { cause: error });
    }
  }
}

/**
 * Creates or adopts the Job of a cell, under a user id that no other cell has.
 *
 * @returns the Job as stored by the server
 * @throws NoPlace if a quota or the range of user ids is used up; KgentsError
 */
export async function createJob(own: Creating, plan: CellPlan, settings: JobSettings): Promise<V1Job> {
  for (let round = 0; round < userIdRounds; round += 1) {
    const job = await createOrAdopt(own, plan, settings, userIdOf(plan.cellId, round, settings.userIds));
    // Servers before 1.29 silently drop unknown fields.
    if (job.spec?.podReplacementPolicy !== "Failed") {
      await deleteJob(own.client, job);
      throw new KgentsError(
        "cluster-unavailable",
        "the cluster does not keep podReplacementPolicy, so that a pod which is deleted would be replaced and the code run twice",
        { remedy: "Use Kubernetes 1.29 or newer, with its feature JobPodReplacementPolicy." },
      );
    }
    if (!(await isUserIdTaken(own.client, job))) return job;
    await deleteJob(own.client, job);
    // Random jitter, so that workers that gave up an id at the same time do not collide again.
    await wait(Math.random() * 100 * (round + 1));
  }
  throw new NoPlace("worker.kubernetes.userIds: no user id of the range is free");
}
