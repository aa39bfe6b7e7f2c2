/**
 * Elects one leader among operators by a Lease. Whoever loses it stops writing, and stands again.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { ClusterError, RequestNotSent } from "#cells/kubernetes/api/cluster-error";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { messageOf } from "#core/text/message-of";
import {
  type ElectionTimes,
  electionTimes,
  heldLease,
  holderOf,
  type Lease,
  type LeaseIdentity,
  mayHold,
  type ObservedLease,
  observe,
  releasedLease,
} from "./lease-record.ts";

/** A process that stands for election. */
export interface ElectionOptions extends LeaseIdentity {
  /**
   * Creates the access to the Lease. Without a limit of its rate: a renewal must never wait for other requests.
   *
   * @param permit to call before each write is sent
   */
  readonly access: (permit: () => void) => Objects;
  /**
   * Called with each term as leader. The next term begins when it has resolved.
   *
   * @param term aborted when the Lease is lost or `close` was called
   */
  readonly lead: (term: AbortSignal) => Promise<void>;
  /** Called when the holder of the Lease changes; undefined if nobody holds it. */
  readonly onHolder?: (holder: string | undefined) => void;
  readonly log: (line: string) => void;
  readonly times?: ElectionTimes;
}

/** An election in which this process stands. */
export interface Election {
  /**
   * Whether this process leads now, by its own clock. After a pause of the process, such as SIGSTOP, it says false
   * before any timer has fired: ask it before each write.
   */
  readonly isLeader: () => boolean;
  /** The holder of the Lease, as last seen. */
  readonly holder: () => string | undefined;
  /** Whether the last look at the Lease failed. */
  readonly isFailing: () => boolean;
  /** Ends the term, waits until `lead` has resolved, and releases the Lease. */
  readonly close: () => Promise<void>;
}

/** The later of two clocks: one stands still while the machine sleeps, the other may be set back. */
function elapsedSince(): () => number {
  const [monotonic, wall] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - monotonic, Date.now() - wall);
}

const isConflict = (error: unknown): boolean => error instanceof ClusterError && error.status === 409;

/** The fields of the Lease that this process writes are under this manager. */
const fieldManager = "kgents-operator";

/** Reads and writes the Lease, and remembers what it saw. */
function createLeaseAccess(options: ElectionOptions, times: ElectionTimes) {
  const { name, namespace, identity } = options;
  let observed: ObservedLease | undefined;
  /** How long ago the present attempt began. */
  let sinceAttempt = (): number => 0;
  const objects = options.access(() => {
    // The process slept between the attempt and its request: what it saw of the Lease is old.
    if (sinceAttempt() >= times.renewDeadline) throw new RequestNotSent("the attempt to take the Lease is too old");
  });
  const see = (lease: Lease): ObservedLease => {
    const before = observed && holderOf(observed.lease);
    observed = observe(observed, lease, performance.now());
    if (before !== holderOf(lease)) options.onHolder?.(holderOf(lease));
    return observed;
  };
  const write = async (lease: Lease, milliseconds: number, signal?: AbortSignal): Promise<void> => {
    const limits = { milliseconds, ...(signal && { signal }) };
    const send = lease.metadata?.resourceVersion === undefined ? objects.create<Lease> : objects.replace<Lease>;
    see((await send(lease, { fieldManager, limits })).object);
  };
  const hold = (before: Lease | undefined): Lease =>
    heldLease(options, before, Math.round(times.lease / 1000), new Date());
  return {
    holder: () => observed && holderOf(observed.lease),
    /**
     * Takes or renews the Lease. Returns whether this process holds it now.
     *
     * @param leads whether this process holds it already
     */
    take: async (leads: boolean, milliseconds: number, signal: AbortSignal): Promise<boolean> => {
      sinceAttempt = elapsedSince();
      // A leader does not read first: if somebody else wrote, its write is refused.
      if (leads && observed) {
        try {
          await write(hold(observed.lease), milliseconds, signal);
          return true;
        } catch (error) {
          if (!isConflict(error) && !(error instanceof ClusterError && error.status === 404)) throw error;
        }
      }
      const limits = { milliseconds, signal };
      const lease = await objects.get<Lease>(resourceTypes.Lease, { name, namespace }, limits);
      if (lease && !mayHold(see(lease), identity, performance.now())) return false;
      try {
        await write(hold(lease), milliseconds, signal);
        return true;
      } catch (error) {
        // Another process was faster.
        if (isConflict(error)) return false;
        throw error;
      }
    },
    release: async (milliseconds: number): Promise<void> => {
      sinceAttempt = elapsedSince();
      if (observed && holderOf(observed.lease) === identity) {
        await write(releasedLease(observed.lease, new Date()), milliseconds);
      }
    },
  };
}

/** Stands for election until it is closed. */
export function standForElection(options: ElectionOptions): Election {
  const { lead, log, times = electionTimes } = options;
  const access = createLeaseAccess(options, times);
  const closing = new AbortController();
  /** How long ago the request that last renewed the Lease was sent; undefined without the Lease. */
  let sinceRenewal: (() => number) | undefined;
  let failing = false;
  const isLeader = (): boolean => sinceRenewal !== undefined && sinceRenewal() < times.renewDeadline;

  /** One attempt to take or renew the Lease. */
  const attempt = async (milliseconds: number): Promise<boolean> => {
    const since = elapsedSince();
    try {
      const held = await access.take(isLeader(), milliseconds, closing.signal);
      if (failing) log("the Lease can be reached again");
      failing = false;
      sinceRenewal = held ? since : undefined;
      return held;
    } catch (error) {
      if (closing.signal.aborted) return isLeader();
      if (!failing) log(`the Lease cannot be taken or renewed: ${messageOf(error)}`);
      failing = true;
      return isLeader();
    }
  };
  const pause = (milliseconds: number): Promise<void> =>
    wait(milliseconds, undefined, { signal: closing.signal }).catch(() => {});
  /** Renews the Lease until it is lost. */
  const renew = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await pause(times.renewal);
      if (closing.signal.aborted || !isLeader()) return;
      const left = times.renewDeadline - (sinceRenewal?.() ?? 0);
      if (!(await attempt(Math.max(1, left)))) return;
    }
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      if (!(await attempt(times.look * 5))) {
        await pause(times.look);
        continue;
      }
      const term = new AbortController();
      const led = lead(term.signal);
      await renew();
      if (!closing.signal.aborted) {
        sinceRenewal = undefined;
        log("the Lease is lost: this operator writes nothing more");
      }
      term.abort();
      await led;
    }
  };
  const running = run();

  return {
    isLeader,
    holder: access.holder,
    isFailing: () => failing,
    close: async () => {
      closing.abort();
      await running;
      if (isLeader()) await access.release(times.renewal).catch((error) => log(`not released: ${messageOf(error)}`));
      sinceRenewal = undefined;
    },
  };
}
