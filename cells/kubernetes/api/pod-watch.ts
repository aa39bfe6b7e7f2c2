import { EventEmitter, once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { cellLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "./cluster-client.ts";
import { type InformerTimes, startInformer } from "./informer.ts";
import type { ObservedPod } from "./observed-cell.ts";

/** The pods of all cells of this instance, kept up to date by one watch, however many runs look at it. */
export interface PodWatch {
  /** The pods of a cell, as far as the watch knows. */
  readonly podsOf: (cellId: string) => readonly ObservedPod[];
  /** Whether all pods have been listed once. Before that, a pod that is not here may exist. */
  readonly isComplete: () => boolean;
  /** For how many milliseconds nothing came by the watch, of whatever cell. */
  readonly quietFor: () => number;
  /** Listens for a change of a cell's pods from now on, so that none is missed between a look and the wait after it. */
  readonly listen: (cellId: string, stop: AbortSignal) => PodChange;
  /** Calls back with a cell's id whenever a pod of it came, changed or went. */
  readonly onChange: (listener: (cellId: string) => void) => void;
  readonly close: () => Promise<void>;
}

/** A change that may come. */
export interface PodChange extends Disposable {
  /** Resolves when it has come, when so many milliseconds are over, or when it is to stop. */
  readonly within: (milliseconds?: number) => Promise<void>;
}

/** A list has its times as dates, a watch as text. */
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
  // One listener a run.
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
      // It ends so where nobody waits for it.
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
