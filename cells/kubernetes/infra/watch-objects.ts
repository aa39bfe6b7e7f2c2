/**
 * Waits for a condition on objects in the cluster, by list and watch.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import type { CallOptions, ClusterApis, ClusterClient } from "../api/cluster-client.ts";
import { watchOnce } from "../api/watch-once.ts";

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
/** After this time without an event the objects are listed again, in milliseconds. */
const silence = 30_000;

const nameOf = (object: KubernetesObject): string => object.metadata?.name ?? "";

/**
 * Waits until `find` returns something other than undefined.
 *
 * @param find called with the current objects; an exception ends the wait
 * @throws the signal's reason, when that comes first
 */
export async function waitFor<Item extends KubernetesObject, Found>(
  client: ClusterClient,
  watched: Watched<Item>,
  find: (objects: ReadonlyMap<string, Item>) => Found | undefined,
): Promise<Found> {
  const { list, signal } = watched;
  // The server can end a watch at any time; the next list includes the changes in between.
  for (;;) {
    signal.throwIfAborted();
    const { items, metadata } = await client.request("looking at it", list, { signal });
    const objects = new Map(items.map((item) => [nameOf(item), item]));
    const take = (type: string, item: Item): Found | undefined => {
      if (type === "DELETED") objects.delete(nameOf(item));
      else if (type === "ADDED" || type === "MODIFIED") objects.set(nameOf(item), item);
      return find(objects);
    };
    const found = find(objects) ?? (await findInWatch(client, watched, metadata?.resourceVersion, take));
    if (found !== undefined) return found;
    await wait(pauseMilliseconds, undefined, { signal }).catch(() => {});
  }
}

/** Runs one watch until `take` returns something, or the watch ends. @throws what `take` throws */
async function findInWatch<Item extends KubernetesObject, Found>(
  client: ClusterClient,
  { path, selector, signal }: Watched<Item>,
  version: string | undefined,
  take: (type: string, item: Item) => Found | undefined,
): Promise<Found | undefined> {
  const over = new AbortController();
  let found: Found | undefined;
  let thrown: { readonly error: unknown } | undefined;
  const request = { path, ...selector, version, silence, signal: AbortSignal.any([signal, over.signal]) };
  await watchOnce<Item>(client, request, (type, item) => {
    try {
      found = take(type, item);
    } catch (error) {
      thrown = { error };
    }
    if (found !== undefined || thrown !== undefined) over.abort();
  });
  if (thrown !== undefined) throw thrown.error;
  return found;
}
