/**
 * Keeps the objects that a list request selects up to date, with one list and one watch shared by all readers.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { createBackoff } from "#platform/host/backoff";
import type { CallOptions, ClusterApis, ClusterClient } from "./cluster-client.ts";
import { toClusterError } from "./cluster-error.ts";
import { createInformerCache, type InformerCache } from "./informer-cache.ts";
import { type ListPage, listAll, type Page } from "./list-pages.ts";
import { type VersionedObject, type WatchEnd, watchOnce } from "./watch-once.ts";

/** The objects that an informer lists and watches. */
export interface Watched<Item extends VersionedObject> {
  /** The name of the objects in a log line: "the pods". */
  readonly what: string;
  /** The list's path, such as `/api/v1/namespaces/x/pods`. */
  readonly path: string;
  /** @default all objects at the path */
  readonly labelSelector?: string | undefined;
  /** One page of the list, with the same selector. */
  readonly list: (apis: ClusterApis, page: Page, options: CallOptions) => Promise<ListPage<Item>>;
  /** The key of the index, such as the value of a label. */
  readonly keyOf: (item: Item) => string;
}

/** How a change was seen: `list` at the start and after a failed watch, `watch` when it happened. */
export type ChangeSource = "list" | "watch";

/** A cache of the objects as they were last seen. */
export interface Informer<Item> {
  /** The objects with a key. They are kept while the server is unreachable. */
  readonly of: (key: string) => readonly Item[];
  /** Whether all objects have been listed once. Until then, objects that exist may be missing. */
  readonly isComplete: () => boolean;
  /** Whether the last list or watch failed. What is cached may be out of date. */
  readonly isFailing: () => boolean;
  /** The keys of all objects. */
  readonly keys: () => readonly string[];
  /** Milliseconds since the server last sent a list or an event of an object. */
  readonly quietFor: () => number;
  /**
   * Calls the listener with the key of each object that was added, changed or deleted. An object that was deleted and
   * created under the same name is one change: readers compare uids.
   */
  readonly onChange: (listener: (key: string, source: ChangeSource) => void) => void;
  /** Calls the listener after each complete list, and after the changes that it showed. */
  readonly onList: (listener: () => void) => void;
  /** Stops the watch. Resolves when it has stopped. */
  readonly close: () => Promise<void>;
}

/** The time-outs and back-off of an informer. */
export interface InformerTimes {
  /**
   * How long a watch may be silent before it is replaced: a connection can be dead without being closed. In
   * milliseconds. @default 30000
   */
  readonly silence?: number;
  /**
   * The back-off after the first failure; it doubles with each further one, up to `longestPause`. In milliseconds.
   * @default 500
   */
  readonly firstPause?: number;
  readonly longestPause?: number;
}

/** What an informer has seen, and whom it tells. */
interface View<Raw extends VersionedObject, Item> extends Omit<Informer<Item>, "close"> {
  /** Everything was listed. */
  readonly listed: (items: readonly Raw[]) => void;
  /** The watch reported a change of one object. */
  readonly changed: (type: string, raw: Raw) => void;
  /** The server works: it sent an event, or kept a watch open. */
  readonly works: () => void;
  /** The list or the watch failed. Returns whether it worked before. */
  readonly failed: (error: unknown) => boolean;
}

function createView<Raw extends VersionedObject, Item>(
  what: string,
  cache: InformerCache<Raw, Item>,
  log: (line: string) => void,
): View<Raw, Item> {
  const listeners: ((key: string, source: ChangeSource) => void)[] = [];
  const listListeners: (() => void)[] = [];
  let complete = false;
  let failing = false;
  let heardAt = performance.now();
  const tell = (keys: readonly string[], source: ChangeSource): void => {
    for (const key of keys) {
      for (const listener of listeners) listener(key, source);
    }
  };
  const works = (): void => {
    if (failing) log(`the watch of ${what} works again`);
    failing = false;
  };
  return {
    of: cache.of,
    keys: cache.keys,
    isComplete: () => complete,
    isFailing: () => failing,
    quietFor: () => performance.now() - heardAt,
    onChange: (listener) => void listeners.push(listener),
    onList: (listener) => void listListeners.push(listener),
    listed: (items) => {
      const keys = cache.replace(items);
      complete = true;
      heardAt = performance.now();
      tell(keys, "list");
      for (const listener of listListeners) listener();
    },
    changed: (type, raw) => {
      works();
      heardAt = performance.now();
      if (type === "DELETED") tell(cache.remove(raw), "watch");
      else if (type === "ADDED" || type === "MODIFIED") tell(cache.put(raw), "watch");
    },
    works,
    failed: (error) => {
      const worked = !failing;
      failing = true;
      if (worked) {
        log(`the watch of ${what} failed and is begun anew: ${toClusterError(`watching ${what}`, error).message}`);
      }
      return worked;
    },
  };
}

/** Lists, then watches until a failure, until the resource version is too old, or until the signal is aborted. */
async function listAndWatch<Raw extends VersionedObject>(
  client: ClusterClient,
  { what, path, labelSelector, list }: Watched<Raw>,
  view: View<Raw, unknown>,
  { silence, firstPause, longestPause }: Required<InformerTimes>,
  signal: AbortSignal,
): Promise<WatchEnd | undefined> {
  const listed = await listAll(client, `listing ${what}`, list, { signal });
  view.listed(listed.items);
  let { version } = listed;
  for (;;) {
    const began = performance.now();
    const end = await watchOnce<Raw>(client, { path, labelSelector, version, silence, signal }, view.changed);
    if (signal.aborted) return undefined;
    if (end.end === "failed") return end;
    const lasted = performance.now() - began;
    // The watch stayed open this long without a failure, so it works.
    if (lasted >= Math.min(silence, longestPause)) view.works();
    // Pause, in case a proxy closes each watch immediately.
    if (lasted < firstPause) await wait(firstPause - lasted, undefined, { signal }).catch(() => {});
    if (end.end === "expired") return undefined;
    version = end.version ?? version;
  }
}

/**
 * Starts an informer. It lists, watches from there, and restarts after anything that ends the watch. It never rejects
 * and does not give up until it is closed. After a failure it lists again, so a server that allows lists but not
 * watches is polled.
 *
 * @param toItem converts an object to what is cached. Times are dates in a list and text in a watch
 * @param log receives one line when the watch fails and one when it recovers
 */
export function startInformer<Raw extends VersionedObject, Item>(
  client: ClusterClient,
  watched: Watched<Raw>,
  toItem: (raw: Raw) => Item,
  log: (line: string) => void,
  { silence = 30_000, firstPause = 500, longestPause = 5000 }: InformerTimes = {},
): Informer<Item> {
  const view = createView(watched.what, createInformerCache(watched.keyOf, toItem), log);
  const closing = new AbortController();
  const { signal } = closing;
  const backoff = createBackoff({ first: firstPause, longest: longestPause });
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const end = await listAndWatch(client, watched, view, { silence, firstPause, longestPause }, signal).catch(
        (error: unknown) => ({ end: "failed" as const, error }),
      );
      if (signal.aborted) return;
      if (end?.end !== "failed") continue;
      if (view.failed(end.error)) backoff.reset();
      await backoff.pause(signal);
    }
  };
  const running = run();
  return {
    of: view.of,
    keys: view.keys,
    isComplete: view.isComplete,
    isFailing: view.isFailing,
    quietFor: view.quietFor,
    onChange: view.onChange,
    onList: view.onList,
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
