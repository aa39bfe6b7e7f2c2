import type { ClusterClient } from "./cluster-client.ts";
import { type Informer, type InformerTimes, startInformer } from "./informer.ts";
import type { KubernetesJson } from "./kubernetes-json.ts";
import { listPageOf } from "./objects.ts";
import { type ResourceType, resourcePath } from "./resource-types.ts";

/** The objects of one kind to keep up to date. */
export interface InformedObjects<Raw extends KubernetesJson, Item> {
  readonly type: ResourceType;
  /** @default those of all namespaces */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** The key of the index. */
  readonly keyOf: (object: Raw) => string;
  /** What is cached of an object. Trim what nobody reads: a cache of many objects costs memory. */
  readonly toItem: (object: Raw) => Item;
}

/** Starts an informer of the objects of a kind, in one namespace or in all. */
export function informObjects<Raw extends KubernetesJson, Item>(
  client: ClusterClient,
  { type, namespace, labelSelector, keyOf, toItem }: InformedObjects<Raw, Item>,
  log: (line: string) => void,
  times: InformerTimes = {},
): Informer<Item> {
  const listPage = listPageOf<Raw>(client, type, { namespace, labelSelector });
  const watched = {
    what: namespace === undefined ? `the ${type.plural}` : `the ${type.plural} of ${namespace}`,
    path: resourcePath(type, namespace),
    labelSelector,
    list: (_apis: unknown, page: Parameters<typeof listPage>[0], options: Parameters<typeof listPage>[1]) =>
      listPage(page, options),
    keyOf,
  };
  return startInformer<Raw, Item>(client, watched, toItem, log, times);
}
