/**
 * Waits for a condition on objects in the cluster, by list and watch.
 *
 * @module
 */
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import type { CallOptions, ClusterApis, ClusterClient } from "../api/cluster-client.ts";

/** The objects to list and watch. */
export interface Watched<Item extends KubernetesObject> {
  /** Such as `/api/v1/namespaces/x/pods`. */
  readonly path: string;
  readonly selector: { readonly labelSelector?: string; readonly fieldSelector?: string };
  readonly list: (
    apis: ClusterApis,
    call: CallOptions,
  ) => Promise<{ items: Item[]; metadata?: { resourceVersion?: string } }>;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

const pauseMilliseconds = 100;

const nameOf = (object: KubernetesObject): string => object.metadata?.name ?? "";

/**
 * Waits until `find` returns something other than undefined.
 *
 * @param find called with the current objects; an exception ends the wait
 * @throws the signal's reason, when that comes first
 */
export async function waitFor<Item extends KubernetesObject, Found>(
  client: ClusterClient,
  { path, selector, list, signal }: Watched<Item>,
  find: (objects: ReadonlyMap<string, Item>) => Found | undefined,
): Promise<Found> {
  // The server can end a watch at any time; the next list includes the changes in between.
  for (;;) {
    signal.throwIfAborted();
    const { items, metadata } = await client.request("looking at it", list, { signal });
    const objects = new Map(items.map((item) => [nameOf(item), item]));
    const found = find(objects);
    if (found !== undefined) return found;
    const watched = await watch(
      client,
      { path, selector, signal, version: metadata?.resourceVersion },
      (type, item) => {
        if (type === "DELETED") objects.delete(nameOf(item as Item));
        else if (type === "ADDED" || type === "MODIFIED") objects.set(nameOf(item as Item), item as Item);
        return find(objects);
      },
    );
    if (watched !== undefined) return watched.found;
    await wait(pauseMilliseconds, undefined, { signal });
  }
}

interface WatchRequest {
  readonly path: string;
  readonly selector: Watched<KubernetesObject>["selector"];
  readonly version: string | undefined;
  readonly signal: AbortSignal;
}

/** Runs one watch until `find` succeeds or the watch ends. */
function watch<Found>(
  client: ClusterClient,
  { path, selector, version, signal }: WatchRequest,
  find: (type: string, item: KubernetesObject) => Found | undefined,
): Promise<{ readonly found: Found } | undefined> {
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const settle = (act: () => void): void => {
      act();
      stop.abort();
    };
    const { signal: ended } = stop;
    signal.addEventListener("abort", () => settle(() => reject(signal.reason)), { once: true, signal: ended });
    const watching = new client.module.Watch(client.config()).watch(
      path,
      { ...selector, resourceVersion: version },
      (type, item: KubernetesObject) => {
        try {
          const found = find(type, item);
          if (found !== undefined) settle(() => resolve({ found }));
        } catch (error) {
          settle(() => reject(error));
        }
      },
      () => settle(() => resolve(undefined)),
    );
    // If it settles before the connection is open, close the connection once it is.
    watching.then(async (connection) => {
      if (!ended.aborted) await once(ended, "abort");
      connection.abort();
    }, reject);
  });
}
