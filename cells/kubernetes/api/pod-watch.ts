import { EventEmitter, once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { cellLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "./cluster-client.ts";
import { type InformerTimes, startInformer } from "./informer.ts";
import type { ObservedPod } from "./observed-cell.ts";

/** The pods of all cells of this instance, kept up to date by one watch that all runs share. */
export interface PodWatch {
  /** The pods of a cell according to the watch. */
  readonly podsOf: (cellId: string) => readonly ObservedPod[];
  /** Whether all pods have been listed once. Until then, pods that exist may be missing. */
  readonly isComplete: () => boolean;
  /** Milliseconds since the watch last delivered anything, for any cell. */
  readonly quietFor: () => number;
  /** Starts to listen for a change of a cell's pods. Subscribe before reading, so no change is lost in between. */
  readonly listen: (cellId: string, stop: AbortSignal) => PodChange;
  /** Calls the listener with a cell's id whenever a pod of it was added, changed or deleted. */
  readonly onChange: (listener: (cellId: string) => void) => void;
  readonly close: () => Promise<void>;
}

/** A subscription to one change. */
export interface PodChange extends Disposable {
  /** Resolves when the change happens, after the time-out in milliseconds, or when stopped. */
  readonly within: (milliseconds?: number) => Promise<void>;
}

/** Normalizes a pod: times are dates in a list and text in a watch. */
export const toObservedPod = (pod: V1Pod): ObservedPod => JSON.parse(JSON.stringify(pod));

/** Watches the pods that a label selector selects. */
export function watchPods(
  client: ClusterClient,
  labelSelector: string,
  log: (line: string) => void,
  times: InformerTimes = {},
): PodWatch {
  const { namespace } = client;
  const changes = new EventEmitter();
  // Each run adds one listener.
  changes.setMaxListeners(0);
  const pods = startInformer<V1Pod, ObservedPod>(
    client,
    {
      what: "the pods",
      path: `/api/v1/namespaces/${namespace}/pods`,
      labelSelector,
      list: ({ core }, page, options) => core.listNamespacedPod({ namespace, labelSelector, ...page }, options),
      keyOf: ({ metadata }) => metadata?.labels?.[cellLabel] ?? "",
    },
    toObservedPod,
    log,
    times,
  );
  pods.onChange((cellId) => changes.emit(cellId));

  return {
    podsOf: pods.of,
    isComplete: pods.isComplete,
    quietFor: pods.quietFor,
    listen: (cellId, stop) => {
      const over = new AbortController();
      const signal = AbortSignal.any([stop, over.signal]);
      const changed = once(changes, cellId, { signal });
      // Avoids an unhandled rejection if `within` is never called.
      changed.catch(() => {});
      return {
        within: async (milliseconds) => {
          const time = milliseconds === undefined ? [] : [wait(milliseconds, undefined, { signal })];
          await Promise.race([changed, ...time]).catch(() => {});
        },
        [Symbol.dispose]: () => over.abort(),
      };
    },
    onChange: pods.onChange,
    close: pods.close,
  };
}
