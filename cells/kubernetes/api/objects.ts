/**
 * Objects of any kind: get, list, server-side apply, create, replace, patch and delete, as they are in JSON.
 *
 * @module
 */
import type { ClusterClient, RequestLimits } from "./cluster-client.ts";
import { ClusterError } from "./cluster-error.ts";
import type { KubernetesJson } from "./kubernetes-json.ts";
import { type ListPage, listAll, type Page } from "./list-pages.ts";
import { type ResourceType, resourcePath, resourceTypeOf } from "./resource-types.ts";
import { type ObjectRequest, type ObjectResponse, sendObject } from "./send-object.ts";

/** Where an object is. */
export interface ObjectPlace {
  readonly name: string;
  /** @default the client's namespace */
  readonly namespace?: string | undefined;
}

/** What every write can say. */
export interface WriteOptions {
  /** The name under which the server records the written fields. */
  readonly fieldManager: string;
  /** Validates and answers as if the object were written, but writes nothing. @default false */
  readonly dryRun?: boolean;
  readonly limits?: RequestLimits;
}

/** What an apply can say. */
export interface ApplyOptions extends WriteOptions {
  /** Takes fields over that other managers own, instead of failing. @default false */
  readonly force?: boolean;
  /** Applies to the status subresource. @default false */
  readonly status?: boolean;
}

/** What a delete can say. */
export interface DeleteOptions {
  /** Deletes only the object with this uid. */
  readonly uid?: string;
  /** What happens to the objects that the object owns. @default Background */
  readonly propagation?: "Background" | "Foreground" | "Orphan";
  readonly dryRun?: boolean;
  readonly limits?: RequestLimits;
}

/** A written object, and the warnings of the server. */
export interface Written<Item> {
  readonly object: Item;
  readonly warnings: readonly string[];
}

/** Objects of any kind. All methods throw {@link ClusterError}; transient failures are retried until the time limit. */
export interface Objects {
  /** Returns undefined if there is no such object. */
  readonly get: <Item extends KubernetesJson>(
    type: ResourceType,
    place: ObjectPlace,
    limits?: RequestLimits,
  ) => Promise<Item | undefined>;
  /** Lists the objects of the client's namespace, of another one, or of all with `namespace: "*"`. */
  readonly list: <Item extends KubernetesJson>(
    type: ResourceType,
    options?: { readonly namespace?: string; readonly labelSelector?: string; readonly limits?: RequestLimits },
  ) => Promise<readonly Item[]>;
  /**
   * Server-side apply. Unknown and duplicate fields are refused. With a uid in its metadata it fails with a conflict
   * instead of creating the object again. {@link fieldConflicts} reads the managers of a conflict.
   */
  readonly apply: <Item extends KubernetesJson>(object: Item, options: ApplyOptions) => Promise<Written<Item>>;
  readonly create: <Item extends KubernetesJson>(object: Item, options: WriteOptions) => Promise<Written<Item>>;
  /** Replaces an object. Fails with status 409 if its `resourceVersion` is not the current one. */
  readonly replace: <Item extends KubernetesJson>(object: Item, options: WriteOptions) => Promise<Written<Item>>;
  /** A JSON merge patch, or a JSON patch if the patch is a list. */
  readonly patch: <Item extends KubernetesJson>(
    type: ResourceType,
    place: ObjectPlace,
    patch: object | readonly object[],
    options: WriteOptions,
  ) => Promise<Written<Item>>;
  /** Returns false if there was no such object. Fails with status 409 if the uid is another one. */
  readonly remove: (type: ResourceType, place: ObjectPlace, options?: DeleteOptions) => Promise<boolean>;
}

/** What stands between a caller and the server. */
export interface RequestGuards {
  /** Limits the rate of writes: resolves when the next one may be sent. */
  readonly admit?: (signal?: AbortSignal) => Promise<void>;
  /**
   * Called immediately before each write is sent, retries included. Ends the request if it throws
   * {@link RequestNotSent}: this process may not write any more.
   */
  readonly permit?: () => void;
}

const placeOf = ({ metadata }: KubernetesJson): ObjectPlace => {
  if (metadata?.name === undefined) throw new Error("the object has no name");
  return { name: metadata.name, namespace: metadata.namespace };
};

/** Requests one page of a list, for {@link listAll} and for informers. */
export const listPageOf =
  <Item extends KubernetesJson>(
    client: ClusterClient,
    type: ResourceType,
    {
      namespace,
      labelSelector,
    }: { readonly namespace?: string | undefined; readonly labelSelector?: string | undefined },
  ) =>
  async (page: Page, options: Parameters<typeof sendObject>[2]): Promise<ListPage<Item>> => {
    const query = { labelSelector, limit: page.limit, continue: page._continue };
    const path = resourcePath(type, namespace);
    const { body } = await sendObject<{
      items: readonly Item[];
      metadata?: { resourceVersion?: string; continue?: string };
    }>(client, { method: "GET", path, query }, options);
    const { resourceVersion, continue: next } = body.metadata ?? {};
    return {
      items: body.items,
      metadata: {
        ...(resourceVersion !== undefined && { resourceVersion }),
        ...(next !== undefined && { _continue: next }),
      },
    };
  };

/** How requests are sent. */
interface Sender {
  readonly client: ClusterClient;
  readonly pathOf: (type: ResourceType, place: ObjectPlace, subresource?: string) => string;
  readonly send: <Answer>(
    what: string,
    request: ObjectRequest,
    limits?: RequestLimits,
  ) => Promise<ObjectResponse<Answer>>;
  readonly write: <Item>(what: string, request: ObjectRequest, options: WriteOptions) => Promise<Written<Item>>;
}

function createSender(client: ClusterClient, { admit, permit }: RequestGuards): Sender {
  const send: Sender["send"] = async <Answer>(what: string, request: ObjectRequest, limits: RequestLimits = {}) => {
    const isWrite = request.method !== "GET";
    if (isWrite) await admit?.(limits.signal);
    const before = isWrite ? permit : undefined;
    return client.request(what, (_apis, options) => sendObject<Answer>(client, request, options, before), limits);
  };
  return {
    client,
    pathOf: (type, { name, namespace }, subresource) =>
      resourcePath(type, namespace ?? client.namespace, name, subresource),
    send,
    write: async <Item>(what: string, request: ObjectRequest, options: WriteOptions) => {
      const { fieldManager, dryRun, limits } = options;
      const query = { ...request.query, fieldManager, dryRun: dryRun ? "All" : undefined };
      const { body, warnings } = await send<Item>(what, { ...request, query }, limits);
      return { object: body, warnings };
    },
  };
}

const readsOf = ({ client, pathOf, send }: Sender): Pick<Objects, "get" | "list"> => ({
  get: async <Item extends KubernetesJson>(type: ResourceType, place: ObjectPlace, limits?: RequestLimits) => {
    try {
      const what = `reading ${type.kind} ${place.name}`;
      return (await send<Item>(what, { method: "GET", path: pathOf(type, place) }, limits)).body;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  list: async <Item extends KubernetesJson>(
    type: ResourceType,
    { namespace = client.namespace, labelSelector, limits }: Parameters<Objects["list"]>[1] = {},
  ) => {
    const page = listPageOf<Item>(client, type, {
      namespace: namespace === "*" ? undefined : namespace,
      labelSelector,
    });
    const what = `listing ${type.plural}`;
    const { items } = await listAll<Item>(client, what, (_apis, at, options) => page(at, options), limits);
    return items;
  },
});

const writesOf = ({ client, pathOf, write }: Sender): Pick<Objects, "apply" | "create" | "replace" | "patch"> => ({
  apply: (object, options) => {
    const type = resourceTypeOf(object);
    const place = placeOf(object);
    const path = pathOf(type, place, options.status ? "status" : undefined);
    const query = { force: options.force ?? false, fieldValidation: "Strict" };
    const contentType = client.module.PatchStrategy.ServerSideApply;
    const what = `applying ${type.kind} ${place.name}`;
    return write(what, { method: "PATCH", path, query, body: object, contentType }, options);
  },
  create: (object, options) => {
    const type = resourceTypeOf(object);
    const path = resourcePath(type, object.metadata?.namespace ?? client.namespace);
    return write(`creating ${type.kind} ${object.metadata?.name}`, { method: "POST", path, body: object }, options);
  },
  replace: (object, options) => {
    const type = resourceTypeOf(object);
    const place = placeOf(object);
    const request: ObjectRequest = { method: "PUT", path: pathOf(type, place), body: object };
    return write(`replacing ${type.kind} ${place.name}`, request, options);
  },
  patch: (type, place, patch, options) => {
    const { JsonPatch, MergePatch } = client.module.PatchStrategy;
    const contentType = Array.isArray(patch) ? JsonPatch : MergePatch;
    const request: ObjectRequest = { method: "PATCH", path: pathOf(type, place), body: patch, contentType };
    return write(`patching ${type.kind} ${place.name}`, request, options);
  },
});

const removalOf = ({ pathOf, send }: Sender): Pick<Objects, "remove"> => ({
  remove: async (type, place, { uid, propagation = "Background", dryRun, limits } = {}) => {
    // The server reads the options from the body, and then ignores those in the query.
    const body = {
      propagationPolicy: propagation,
      ...(dryRun && { dryRun: ["All"] }),
      ...(uid !== undefined && { preconditions: { uid } }),
    };
    try {
      await send(`deleting ${type.kind} ${place.name}`, { method: "DELETE", path: pathOf(type, place), body }, limits);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  },
});

/**
 * Creates the access to objects.
 *
 * @param guards of writes. @default none
 */
export function createObjects(client: ClusterClient, guards: RequestGuards = {}): Objects {
  const sender = createSender(client, guards);
  return { ...readsOf(sender), ...writesOf(sender), ...removalOf(sender) };
}

/** Whether the object does not exist. For a kind that is not served, the server also answers 404. */
const isMissing = (error: unknown): boolean =>
  error instanceof ClusterError &&
  error.status === 404 &&
  error.reason === "NotFound" &&
  !error.message.includes("could not find the requested resource");
