import type { VersionedObject } from "./watch-once.ts";

interface Entry<Item> {
  readonly key: string;
  readonly version: string | undefined;
  readonly item: Item;
}

const idOf = ({ metadata }: VersionedObject): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

/** The objects of an informer as they were last seen, by name and by index key. */
export interface InformerCache<Raw extends VersionedObject, Item> {
  /** The objects with a key. */
  readonly of: (key: string) => readonly Item[];
  /** The keys of all objects. */
  readonly keys: () => readonly string[];
  /** Adds or replaces an object. Returns the keys whose objects changed. */
  readonly put: (raw: Raw) => readonly string[];
  /** Removes an object. Returns the keys whose objects changed. */
  readonly remove: (raw: Raw) => readonly string[];
  /** Replaces the content with the items of a list. Returns the keys whose objects changed. */
  readonly replace: (raws: readonly Raw[]) => readonly string[];
}

/**
 * Creates an empty cache.
 *
 * @param keyOf the key of the index
 * @param toItem converts an object to what is cached
 */
export function createInformerCache<Raw extends VersionedObject, Item>(
  keyOf: (raw: Raw) => string,
  toItem: (raw: Raw) => Item,
): InformerCache<Raw, Item> {
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
    of: (key) => [...(index.get(key)?.values() ?? [])],
    keys: () => [...index.keys()],
    put,
    remove: (raw) => removeOne(idOf(raw)),
    replace: (raws) => {
      const listed = new Set(raws.map(idOf));
      const gone = [...entries.keys()].filter((id) => !listed.has(id)).flatMap(removeOne);
      return [...gone, ...raws.flatMap(put)];
    },
  };
}
