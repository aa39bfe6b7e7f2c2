import { KgentsError } from "#core/contract/error";
import { formatDuration } from "#core/text/duration";
import type { CellPlan } from "../../cell-plan.ts";
import { NoPlace } from "../../placement/no-place.ts";
import { isToAsk } from "../api/ask-again.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { observeCell } from "../api/observe.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { neverFits, shortageIn } from "../quotas/quota.ts";
import { type CellState, failureOfWait } from "./classify-cell.ts";
import { classifyPinned, findJob, type Pin } from "./pin.ts";

/** A cell that runs, or one that ended or was deleted while running before this worker looked at it. */
export type Ready =
  | { readonly state: Extract<CellState, { state: "running" | "ended" }>; readonly pin: Pin }
  | { readonly state: Extract<CellState, { state: "failed" }>; readonly pin: null };

/** The watch reports pods immediately. This is how often to check whether the server must be asked as well. */
const lookMilliseconds = 5000;
/**
 * While a Job has no pod, only events say why, and events are not watched, so the server is polled. The pause starts at
 * this value and doubles up to `lookMilliseconds`.
 */
const firstAskMilliseconds = 1000;
/** How long an image pull may fail: covers the kubelet's first two attempts, 10 s apart. */
const pullPatienceMilliseconds = 15_000;

type Waiting = Extract<CellState, { state: "waiting" }>;

const isWithoutPod = (wait: Waiting): boolean => wait.for === "pod" || wait.for === "quota";

const refusalOf = (wait: Waiting, why: string): KgentsError =>
  new KgentsError(failureOfWait[wait.for], `${why}: ${wait.detail}`);

/**
 * Waits until the cell's supervisor runs.
 *
 * @throws KgentsError of the matching kind when the cell will never run or exceeds its start-up time; NoPlace, when a
 * quota delayed the cell during that time
 */
export async function awaitRunning(
  own: OwnCells,
  plan: CellPlan,
  stop: AbortSignal,
  knownJobUid?: string,
): Promise<Ready> {
  const { cellId, shape } = plan;
  let jobUid = knownJobUid;
  let last: Waiting = { state: "waiting", for: "pod", detail: "nothing was seen of it yet" };
  let pullFailedAt: number | undefined;
  let full: string | undefined;
  let askedAt = Date.now();
  let pauseWithoutPod = firstAskMilliseconds;
  // The watch may lag behind. It is trusted for "waiting" while it delivers events; an end is always confirmed by the
  // server.
  const look = async (pin: Pin): Promise<CellState> => {
    const pods = own.watch.podsOf(cellId);
    const known = pods.length > 0 ? classifyPinned({ job: null, pods, events: [] }, pin, new Date()) : undefined;
    if (known?.state === "running") return known;
    if (known?.state === "waiting" && !isToAsk(own.watch, askedAt)) return known;
    // A Job that this worker has just created has no pod yet.
    const mayCome = knownJobUid !== undefined && own.watch.isComplete() && isWithoutPod(last);
    if (known === undefined && mayCome && Date.now() - askedAt < pauseWithoutPod) return last;
    const observed = await observeCell(own, cellId, stop);
    askedAt = Date.now();
    if (observed.pods.length === 0) pauseWithoutPod = Math.min(2 * pauseWithoutPod, lookMilliseconds);
    return classifyPinned(observed, pin, new Date());
  };
  while (!stop.aborted) {
    using change = own.watch.listen(cellId, stop);
    try {
      jobUid ??= await findJob(own, plan, stop);
      if (jobUid === undefined) throw new KgentsError("cell-deleted", "the cell's Job was deleted from outside");
      const state = await look({ jobUid });
      if (state.state === "running" || state.state === "ended") {
        return { state, pin: { jobUid, podUid: state.podUid } };
      }
      // An earlier worker may have started the code in a cell that this worker did not create.
      if (state.state === "failed" && state.hasRun && knownJobUid === undefined) return { state, pin: null };
      if (state.state === "failed") throw new KgentsError(state.kind, state.detail);
      if (state.for === "quota") {
        const shortage = shortageIn(state.detail);
        if (shortage.always) throw neverFits(shortage);
        full = shortage.words;
      }
      last = state;
      pullFailedAt = state.for === "image" ? (pullFailedAt ?? Date.now()) : undefined;
      const pause = isWithoutPod(state) ? Math.max(1, askedAt + pauseWithoutPod - Date.now()) : lookMilliseconds;
      const pullEnds = pullFailedAt === undefined ? Number.POSITIVE_INFINITY : pullFailedAt + pullPatienceMilliseconds;
      if (Date.now() >= pullEnds) throw refusalOf(state, "the image cannot be pulled");
      await change.within(Math.min(pause, pullEnds - Date.now()));
    } catch (error) {
      if (stop.aborted) break;
      // The server has been unavailable for longer than a request's own retries; the cell's start-up time bounds the
      // wait.
      if (!(error instanceof ClusterError)) throw error;
      if (error.status === 401 || error.status === 403)
        throw new KgentsError("forbidden", error.message, { cause: error });
      last = { state: "waiting", for: "pod", detail: `${error.what}: ${error.message}` };
      await change.within(firstAskMilliseconds);
    }
  }
  if (full !== undefined) throw new NoPlace(full);
  throw refusalOf(last, `the cell did not start within ${formatDuration(shape.startupTimeout)}`);
}
