import { EventEmitter, once } from "node:events";
import type { Informer, V1Pod } from "@kubernetes/client-node";
import { cellLabel } from "../../../core/cluster-names.ts";
import type { ClusterClient } from "./cluster-client.ts";
import type { ObservedPod } from "./observed-cell.ts";

/** The pods of all cells of this instance, kept up to date by one watch, however many runs look at it. */
export interface PodWatch {
  /** The pods of a cell, as far as the watch knows. */
  readonly podsOf: (cellId: string) => readonly ObservedPod[];
  /** Resolves at the next change of a cell's pods; rejects when the signal is aborted. */
  readonly changed: (cellId: string, signal: AbortSignal) => Promise<unknown>;
  readonly close: () => Promise<void>;
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

  const changed = (pod: V1Pod): void => void changes.emit(pod.metadata?.labels?.[cellLabel] ?? "");
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
    changed: (cellId, signal) => once(changes, cellId, { signal }),
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await informer.stop();
    },
  };
}
