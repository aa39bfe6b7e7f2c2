/**
 * Keeps the objects that a list request selects up to date, with one list and one watch shared by all readers.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { CallOptions, ClusterApis, ClusterClient } from "./cluster-client.ts";
import { toClusterError } from "./cluster-error.ts";
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

interface Entry<Item> {
  readonly key: string;
  readonly version: string | undefined;
  readonly item: Item;
}

const idOf = ({ metadata }: VersionedObject): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

/** Creates a cache of the objects, by name and by index key. */
function createCache<Raw extends VersionedObject, Item>(keyOf: (raw: Raw) => string, toItem: (raw: Raw) => Item) {
  const entries = new Map<string, Entry<Item>>();
  const index = new Map<string, Map<string, Item>>();
  const remove = (id: string): string | undefined => {
    const entry = entries.get(id);
    if (!entry) return undefined;
    entries.delete(id);
    const group = index.get(entry.key);
    group?.delete(id);
    if (group?.size === 0) index.delete(entry.key);
    return entry.key;
  };
  /** Returns the keys whose objects changed. */
  const put = (raw: Raw): readonly string[] => {
    const id = idOf(raw);
    const version = raw.metadata?.resourceVersion;
    if (version !== undefined && entries.get(id)?.version === version) return [];
    const before = remove(id);
    const key = keyOf(raw);
    const item = toItem(raw);
    entries.set(id, { key, version, item });
    const group = index.get(key) ?? new Map<string, Item>();
    index.set(key, group.set(id, item));
    return before === undefined || before === key ? [key] : [before, key];
  };
  const removeOne = (id: string): readonly string[] => {
    const key = remove(id);
    return key === undefined ? [] : [key];
  };
  return {
    of: (key: string): readonly Item[] => [...(index.get(key)?.values() ?? [])],
    keys: (): readonly string[] => [...index.keys()],
    put,
    remove: (raw: Raw): readonly string[] => removeOne(idOf(raw)),
    /** Replaces the content with the items of a list. */
    replace: (raws: readonly Raw[]): readonly string[] => {
      const listed = new Set(raws.map(idOf));
      const gone = [...entries.keys()].filter((id) => !listed.has(id)).flatMap(removeOne);
      return [...gone, ...raws.flatMap(put)];
    },
  };
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
  times: InformerTimes = {},
): Informer<Item> {
  const { silence = 30_000, firstPause = 500, longestPause = 5000 } = times;
  const { what, path, labelSelector, list, keyOf } = watched;
  const cache = createCache(keyOf, toItem);
  const listeners: ((key: string, source: ChangeSource) => void)[] = [];
  const listListeners: (() => void)[] = [];
  const closing = new AbortController();
  const { signal } = closing;
  let complete = false;
  let heardAt = performance.now();
  let failing = false;

  const tell = (keys: readonly string[], source: ChangeSource): void => {
    for (const key of keys) {
      for (const listener of listeners) listener(key, source);
    }
  };
  const works = (): void => {
    if (failing) log(`the watch of ${what} works again`);
    failing = false;
  };
  /** Lists everything. Returns the resource version from which to watch. */
  const listNow = async (): Promise<string | undefined> => {
    const { items, version } = await listAll(client, `listing ${what}`, list, { signal });
    const keys = cache.replace(items);
    complete = true;
    heardAt = performance.now();
    tell(keys, "list");
    for (const listener of listListeners) listener();
    return version;
  };
  const take = (type: string, raw: Raw): void => {
    works();
    heardAt = performance.now();
    if (type === "DELETED") tell(cache.remove(raw), "watch");
    else if (type === "ADDED" || type === "MODIFIED") tell(cache.put(raw), "watch");
  };
  /** Lists, then watches until a failure or until the resource version is too old. */
  const round = async (): Promise<WatchEnd | undefined> => {
    let version = await listNow();
    for (;;) {
      const began = performance.now();
      const end = await watchOnce<Raw>(client, { path, labelSelector, version, silence, signal }, take);
      if (signal.aborted) return undefined;
      if (end.end === "failed") return end;
      const lasted = performance.now() - began;
      // The watch stayed open this long without a failure, so it works.
      if (lasted >= Math.min(silence, longestPause)) works();
      // Pause, in case a proxy closes each watch immediately.
      if (lasted < firstPause) await wait(firstPause - lasted, undefined, { signal }).catch(() => {});
      if (end.end === "expired") return undefined;
      version = end.version ?? version;
    }
  };
  const run = async (): Promise<void> => {
    let pause = firstPause;
    while (!signal.aborted) {
      let failure: unknown;
      try {
        const end = await round();
        if (end?.end === "failed") failure = end.error;
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      if (failure === undefined) continue;
      if (!failing) {
        pause = firstPause;
        log(`the watch of ${what} failed and is begun anew: ${toClusterError(`watching ${what}`, failure).message}`);
      }
      failing = true;
      await wait(pause, undefined, { signal }).catch(() => {});
      pause = Math.min(2 * pause, longestPause);
    }
  };
  const running = run();

  return {
    of: cache.of,
    keys: cache.keys,
    isComplete: () => complete,
    isFailing: () => failing,
    quietFor: () => performance.now() - heardAt,
    onChange: (listener) => void listeners.push(listener),
    onList: (listener) => void listListeners.push(listener),
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
