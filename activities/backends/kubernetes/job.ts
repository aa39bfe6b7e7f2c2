/**
 * The Job of a cell in the cluster: created once, adopted when it is there, taken away.
 *
 * @module
 */
import type { V1Job } from "@kubernetes/client-node";
import { cellLabel, instanceLabel, runIdAnnotation, workflowIdAnnotation } from "../../../core/cluster-names.ts";
import { KgentsError } from "../../../core/error.ts";
import { renderJob } from "../../../core/manifest.ts";
import { canonicalJson, sha256 } from "../../../core/request-hash.ts";
import { type CellPlan, NoRoom } from "../backend.ts";
import { ClusterError, toRunFailure } from "./cluster-error.ts";
import { listPods, readJob } from "./observe.ts";
import type { OwnCells } from "./own-cells.ts";
import { isQuotaRefusal, lackIn, neverFits } from "./quota.ts";
import { toV1Job } from "./v1-job.ts";

/** Of what the Job was made: the same name with another content is somebody else's. */
const specHashAnnotation = "kgents.io/spec-hash";

/** Renders the Job of a plan. */
async function render(
  plan: CellPlan,
  about: { readonly namespace: string; readonly instance: string; readonly runtimeClassName: string | undefined },
): Promise<V1Job> {
  const { cellId, spec, language, owner } = plan;
  const job = await renderJob({
    name: cellId,
    namespace: about.namespace,
    spec,
    language,
    labels: { [instanceLabel]: about.instance, [cellLabel]: cellId },
    annotations: { [workflowIdAnnotation]: owner.workflowId, [runIdAnnotation]: owner.runId },
    createdAt: new Date(),
    runtimeClassName: about.runtimeClassName,
  });
  const hash = await sha256(canonicalJson(job.spec));
  const annotations = { ...job.metadata.annotations, [specHashAnnotation]: hash };
  return toV1Job({ ...job, metadata: { ...job.metadata, annotations } });
}

/** Whether a Job in the cluster is the one that was to be created. */
function isSame(there: V1Job, wanted: V1Job): boolean {
  const names = [workflowIdAnnotation, runIdAnnotation, specHashAnnotation];
  return (
    there.metadata?.labels?.[instanceLabel] === wanted.metadata?.labels?.[instanceLabel] &&
    names.every((name) => there.metadata?.annotations?.[name] === wanted.metadata?.annotations?.[name])
  );
}

/**
 * Creates the Job of a cell, or adopts it.
 *
 * @throws NoRoom where a quota is used up; KgentsError
 */
export async function createJob(
  own: Pick<OwnCells, "client" | "instance">,
  plan: CellPlan,
  runtimeClassName: string | undefined,
): Promise<void> {
  const { client, instance } = own;
  const body = await render(plan, { instance, runtimeClassName, namespace: client.namespace });
  for (;;) {
    try {
      await client.request("creating the Job", ({ batch }, options) =>
        batch.createNamespacedJob({ namespace: client.namespace, body }, options),
      );
      return;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (error.status === 409) {
        const there = await readJob(own, plan.cellId);
        // Gone in between, or going: it is created anew.
        if (there === null) continue;
        if (isSame(there, body)) return;
        throw new KgentsError("internal", `the Job ${plan.cellId} is there already, and is not this run's`);
      }
      if (error.status !== 403 || !isQuotaRefusal(error.message)) throw toRunFailure(error);
      const lack = lackIn(error.message);
      throw lack.always ? neverFits(lack, error) : new NoRoom(lack.words, { cause: error });
    }
  }
}

/** How long the node may take to end pods that are deleted, before they are taken from it. */
const endMilliseconds = 10_000;
const confirmMilliseconds = 5000;

/** Waits until no pod of a cell is left, as far as the server says. */
async function podsGone(own: OwnCells, cellId: string, milliseconds: number): Promise<boolean> {
  const limit = AbortSignal.timeout(milliseconds);
  for (;;) {
    using change = own.watch.listen(cellId, limit);
    if ((await listPods(own, cellId)).length === 0) return true;
    if (limit.aborted) return false;
    await change.within(1000);
  }
}

/**
 * Deletes the Job of a cell and confirms that nothing of it is left; nothing to do is no error. Leaves alone what is not
 * this instance's.
 *
 * @throws ClusterError; Error where something resists
 */
export async function deleteCell(own: OwnCells, cellId: string): Promise<void> {
  const { client, instance } = own;
  const job = await readJob(own, cellId);
  if (job && job.metadata?.labels?.[instanceLabel] !== instance) return;
  const uid = job?.metadata?.uid;
  if (uid !== undefined) {
    await client.request("deleting the Job", async ({ batch }, options) => {
      const body = { propagationPolicy: "Background", preconditions: { uid } };
      await batch.deleteNamespacedJob({ namespace: client.namespace, name: cellId, body }, options).catch(unlessGone);
    });
  }
  if (await podsGone(own, cellId, endMilliseconds)) return;
  // Their node does not answer, or nobody collects what their Job has left.
  for (const { metadata } of await listPods(own, cellId)) {
    await client.request("deleting a pod", async ({ core }, options) => {
      const body = { gracePeriodSeconds: 0 };
      await core
        .deleteNamespacedPod({ namespace: client.namespace, name: metadata.name, body }, options)
        .catch(unlessGone);
    });
  }
  if (!(await podsGone(own, cellId, confirmMilliseconds))) {
    throw new Error(`the pods of ${cellId} are still there after they were deleted`);
  }
}

/** Gone, or another of the same name by now: there is nothing to delete. */
function unlessGone(error: unknown): void {
  const { code }: { code?: unknown } = typeof error === "object" && error !== null ? error : {};
  if (code !== 404 && code !== 409) throw error;
}
