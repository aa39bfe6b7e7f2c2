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

/** A cell that runs, or one that ended or was deleted while running before this worker read its state. */
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

/** Reads the state of a cell. */
interface CellReader {
  /** @param last what the cell waited for when its state was last read */
  readonly state: (pin: Pin, last: Waiting) => Promise<CellState>;
  /** The longest time until the state is read again, in milliseconds. */
  readonly pause: (wait: Waiting) => number;
}

/**
 * Reads the state of a cell from the watch, and from the server where the watch cannot be trusted, because it may lag
 * behind. It is trusted for "waiting" while it delivers events; an end is always confirmed by the server.
 *
 * @param isNew whether this worker has just created the Job, which then has no pod yet
 */
function cellReader(own: OwnCells, cellId: string, stop: AbortSignal, isNew: boolean): CellReader {
  let askedAt = Date.now();
  let pauseWithoutPod = firstAskMilliseconds;
  return {
    state: async (pin, last) => {
      const pods = own.watch.podsOf(cellId);
      const known = pods.length > 0 ? classifyPinned({ job: null, pods, events: [] }, pin, new Date()) : undefined;
      if (known?.state === "running") return known;
      if (known?.state === "waiting" && !isToAsk(own.watch, askedAt)) return known;
      const mayCome = isNew && own.watch.isComplete() && isWithoutPod(last);
      if (known === undefined && mayCome && Date.now() - askedAt < pauseWithoutPod) return last;
      const observed = await observeCell(own, cellId, stop);
      askedAt = Date.now();
      if (observed.pods.length === 0) pauseWithoutPod = Math.min(2 * pauseWithoutPod, lookMilliseconds);
      return classifyPinned(observed, pin, new Date());
    },
    pause: (wait) => (isWithoutPod(wait) ? Math.max(1, askedAt + pauseWithoutPod - Date.now()) : lookMilliseconds),
  };
}

/**
 * Ends the wait for a cell that does not wait any more.
 *
 * @throws KgentsError if it has failed, unless an earlier worker may have started the code in it
 */
function readyOf(state: Exclude<CellState, Waiting>, jobUid: string, isNew: boolean): Ready {
  if (state.state !== "failed") return { state, pin: { jobUid, podUid: state.podUid } };
  if (state.hasRun && !isNew) return { state, pin: null };
  throw new KgentsError(state.kind, state.detail);
}

/**
 * The quota that a cell waits for, in a phrase; undefined if it waits for something else.
 *
 * @throws KgentsError if the quota will never admit the cell
 */
function fullQuota(wait: Waiting): string | undefined {
  if (wait.for !== "quota") return undefined;
  const shortage = shortageIn(wait.detail);
  if (shortage.always) throw neverFits(shortage);
  return shortage.reason;
}

/**
 * The state of a cell whose server has been unavailable for longer than a request's own retries. The cell's start-up
 * time bounds the wait.
 *
 * @throws KgentsError `forbidden`; any other error that is none of the cluster's
 */
function waitForServer(error: unknown): Waiting {
  if (!(error instanceof ClusterError)) throw error;
  if (error.status === 401 || error.status === 403) {
    throw new KgentsError("forbidden", error.message, { cause: error });
  }
  return { state: "waiting", for: "pod", detail: `${error.what}: ${error.message}` };
}

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
  const isNew = knownJobUid !== undefined;
  const cell = cellReader(own, plan.cellId, stop, isNew);
  let jobUid = knownJobUid;
  let last: Waiting = { state: "waiting", for: "pod", detail: "nothing was seen of it yet" };
  let pullFailedAt: number | undefined;
  let full: string | undefined;
  while (!stop.aborted) {
    using change = own.watch.listen(plan.cellId, stop);
    try {
      jobUid ??= await findJob(own, plan, stop);
      if (jobUid === undefined) throw new KgentsError("cell-deleted", "the cell's Job was deleted from outside");
      const state = await cell.state({ jobUid }, last);
      if (state.state !== "waiting") return readyOf(state, jobUid, isNew);
      full = fullQuota(state) ?? full;
      last = state;
      pullFailedAt = state.for === "image" ? (pullFailedAt ?? Date.now()) : undefined;
      const pullEnds = pullFailedAt === undefined ? Number.POSITIVE_INFINITY : pullFailedAt + pullPatienceMilliseconds;
      if (Date.now() >= pullEnds) throw refusalOf(state, "the image cannot be pulled");
      await change.within(Math.min(cell.pause(state), pullEnds - Date.now()));
    } catch (error) {
      if (stop.aborted) break;
      last = waitForServer(error);
      await change.within(firstAskMilliseconds);
    }
  }
  if (full !== undefined) throw new NoPlace(full);
  throw refusalOf(last, `the cell did not start within ${formatDuration(plan.shape.startupTimeout)}`);
}
