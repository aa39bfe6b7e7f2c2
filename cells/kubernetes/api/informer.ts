/**
 * The objects that a list request selects, kept up to date by one list and one watch, whoever looks at them.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import type { CallOptions, ClusterApis, ClusterClient } from "./cluster-client.ts";
import { toClusterError } from "./cluster-error.ts";
import { type ListPage, listAll, type Page } from "./list-pages.ts";
import { type WatchEnd, watchOnce } from "./watch-once.ts";

/** What an informer lists and watches. */
export interface Watched<Item extends KubernetesObject> {
  /** In a log line: "the pods". */
  readonly what: string;
  /** The list's path, such as `/api/v1/namespaces/x/pods`. */
  readonly path: string;
  readonly labelSelector: string;
  /** One page of the list, with the same selector. */
  readonly list: (apis: ClusterApis, page: Page, options: CallOptions) => Promise<ListPage<Item>>;
  /** The key of the index, such as the value of a label. */
  readonly keyOf: (item: Item) => string;
}

/** The objects as they were last seen. */
export interface Informer<Item> {
  /** The objects with a key, as they were last seen. They stay while the server cannot be reached. */
  readonly of: (key: string) => readonly Item[];
  /** Whether all objects have been listed once. Before that, an object that is not here may exist. */
  readonly isComplete: () => boolean;
  /** For how many milliseconds the server has said nothing: no list and no event of an object came. */
  readonly quietFor: () => number;
  /** Calls back with the key of each object that came, changed or went. */
  readonly onChange: (listener: (key: string) => void) => void;
  /** Ends the watch. Resolves when nothing of it runs any more. */
  readonly close: () => Promise<void>;
}

/** When an informer asks again. */
export interface InformerTimes {
  /** How long a watch may be silent before it is replaced: a connection can be dead without a word. In milliseconds. @default 30000 */
  readonly silence?: number;
  /** The pause after the first failure; it doubles with each further one, up to the longest. In milliseconds. */
  readonly firstPause?: number;
  readonly longestPause?: number;
}

interface Entry<Item> {
  readonly key: string;
  readonly version: string | undefined;
  readonly item: Item;
}

const idOf = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

/** The objects by their names, and by the keys of the index. */
function createCache<Raw extends KubernetesObject, Item>(keyOf: (raw: Raw) => string, toItem: (raw: Raw) => Item) {
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
  /** Returns the keys under which something changed. */
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
    put,
    remove: (raw: Raw): readonly string[] => removeOne(idOf(raw)),
    /** Makes it what a list has. */
    replace: (raws: readonly Raw[]): readonly string[] => {
      const listed = new Set(raws.map(idOf));
      const gone = [...entries.keys()].filter((id) => !listed.has(id)).flatMap(removeOne);
      return [...gone, ...raws.flatMap(put)];
    },
  };
}

/**
 * Starts an informer. It lists, watches from there, and does so again after whatever ends the watch: it never rejects and never
 * gives up before it is closed. After a failure it lists anew, so that a server that takes lists and no watches is polled.
 *
 * @param toItem what is kept of an object. A list has its times as dates, a watch as text
 * @param log takes one line when the watch fails, and one when it works again
 */
export function startInformer<Raw extends KubernetesObject, Item>(
  client: ClusterClient,
  watched: Watched<Raw>,
  toItem: (raw: Raw) => Item,
  log: (line: string) => void,
  times: InformerTimes = {},
): Informer<Item> {
  const { silence = 30_000, firstPause = 500, longestPause = 5000 } = times;
  const { what, path, labelSelector, list, keyOf } = watched;
  const cache = createCache(keyOf, toItem);
  const listeners: ((key: string) => void)[] = [];
  const closing = new AbortController();
  const { signal } = closing;
  let complete = false;
  let heardAt = performance.now();
  let failing = false;

  const tell = (keys: readonly string[]): void => {
    for (const key of keys) {
      for (const listener of listeners) listener(key);
    }
  };
  const works = (): void => {
    if (failing) log(`the watch of ${what} works again`);
    failing = false;
  };
  /** Lists everything. Returns the version from which a watch goes on. */
  const listNow = async (): Promise<string | undefined> => {
    const { items, version } = await listAll(client, `listing ${what}`, list, { signal });
    const keys = cache.replace(items);
    complete = true;
    heardAt = performance.now();
    tell(keys);
    return version;
  };
  const take = (type: string, raw: Raw): void => {
    works();
    heardAt = performance.now();
    if (type === "DELETED") tell(cache.remove(raw));
    else if (type === "ADDED" || type === "MODIFIED") tell(cache.put(raw));
  };
  /** Lists, then watches until a failure or until the version is too old. */
  const round = async (): Promise<WatchEnd | undefined> => {
    let version = await listNow();
    for (;;) {
      const began = performance.now();
      const end = await watchOnce<Raw>(client, { path, labelSelector, version, silence, signal }, take);
      if (signal.aborted) return undefined;
      if (end.end === "failed") return end;
      const lasted = performance.now() - began;
      // It was open for so long without a failure.
      if (lasted >= Math.min(silence, longestPause)) works();
      // A proxy that ends each watch at once must not be asked without a pause.
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
    isComplete: () => complete,
    quietFor: () => performance.now() - heardAt,
    onChange: (listener) => void listeners.push(listener),
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
