import { EventEmitter, once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Informer, V1Pod } from "@kubernetes/client-node";
import { cellLabel } from "../../../core/cluster-names.ts";
import type { ClusterClient } from "./cluster-client.ts";
import type { ObservedPod } from "./observed-cell.ts";

/** The pods of all cells of this instance, kept up to date by one watch, however many runs look at it. */
export interface PodWatch {
  /** The pods of a cell, as far as the watch knows. */
  readonly podsOf: (cellId: string) => readonly ObservedPod[];
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

/** How long to wait before a watch that failed is begun anew; it doubles, up to the second. */
const pauses = { first: 500, longest: 5000 } as const;

type PodInformer = Informer<V1Pod> & { list: (namespace?: string) => readonly V1Pod[] };

/** What came by a list has its times as dates, what came by a watch as text. */
export const toObservedPod = (pod: V1Pod): ObservedPod => JSON.parse(JSON.stringify(pod));

/** Watches the pods that a label selector selects. */
export function watchPods(client: ClusterClient, labelSelector: string, log: (line: string) => void): PodWatch {
  const path = `/api/v1/namespaces/${client.namespace}/pods`;
  const changes = new EventEmitter();
  // One listener a run.
  changes.setMaxListeners(0);
  let informer: PodInformer;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let pause: number = pauses.first;

  const listeners: ((cellId: string) => void)[] = [];
  const changed = (pod: V1Pod): void => {
    const cellId = pod.metadata?.labels?.[cellLabel] ?? "";
    changes.emit(cellId);
    for (const listener of listeners) listener(cellId);
  };
  const begin = (): void => {
    const begun: PodInformer = client.module.makeInformer(
      client.config(),
      path,
      async () => {
        const list = await client.request("listing the pods", ({ core }, options) =>
          core.listNamespacedPod({ namespace: client.namespace, labelSelector }, options),
        );
        pause = pauses.first;
        return list;
      },
      labelSelector,
    );
    informer = begun;
    begun.on("add", changed);
    begun.on("update", changed);
    begun.on("delete", changed);
    // It goes on by itself after a 410 and after a connection that was closed in order. After anything else it has stopped:
    // another one begins, with the credential as it is by then.
    begun.on("error", (error) => {
      if (closed || informer !== begun) return;
      // Once, and not each time that it is still so.
      if (pause === pauses.first) log(`the watch of the pods failed and is begun anew: ${error}`);
      clearTimeout(timer);
      timer = setTimeout(begin, pause);
      pause = Math.min(2 * pause, pauses.longest);
    });
    begun.start().catch((error) => log(`the watch of the pods could not begin: ${error}`));
  };
  begin();

  return {
    podsOf: (cellId) =>
      informer
        .list(client.namespace)
        .filter(({ metadata }) => metadata?.labels?.[cellLabel] === cellId)
        .map(toObservedPod),
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
    onChange: (listener) => void listeners.push(listener),
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await informer.stop();
    },
  };
}
