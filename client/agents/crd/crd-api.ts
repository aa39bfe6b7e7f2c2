/**
 * Reads and writes a CustomResourceDefinition and the objects that it defines.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import { type ObjectRequest, sendObject } from "#cells/kubernetes/api/send-object";
import type { Crd } from "#core/agents/crd";
import type { LiveCrd, StoredAgent } from "#core/agents/crd-change";
import { fieldManagers } from "#core/agents/names";
import { KgentsError } from "#core/contract/error";
import type { ManagedFields } from "#core/manifest/object-metadata";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const fieldManager = fieldManagers.user;
/** How long the API server may take until it serves a definition. */
const establishMilliseconds = 30_000;
const pauseMilliseconds = 100;

/** A stored object, with what its migration needs. */
export interface StoredObject extends StoredAgent {
  readonly metadata: StoredAgent["metadata"] & {
    readonly resourceVersion?: string;
    readonly managedFields?: readonly ManagedFields[];
  };
}

const send = async <Answer>(client: ClusterClient, what: string, request: ObjectRequest, signal?: AbortSignal) => {
  const limits = signal === undefined ? {} : { signal };
  return (await client.request(what, (_apis, options) => sendObject<Answer>(client, request, options), limits)).body;
};

const isMissing = (error: unknown): boolean => error instanceof ClusterError && error.status === 404;

/** The path of a definition. */
export const crdPath = (name: string): string => `${definitions}/${name}`;

/** The version through which the objects of a definition can be read; undefined if none is served. */
export const servedVersion = ({ spec }: LiveCrd): string | undefined =>
  (spec.versions.find(({ served, storage }) => served && storage) ?? spec.versions.find(({ served }) => served))?.name;

/** Reads a definition; undefined if there is none. */
export async function readCrd(client: ClusterClient, name: string): Promise<LiveCrd | undefined> {
  try {
    return await send<LiveCrd>(client, `reading ${name}`, { method: "GET", path: crdPath(name) });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Creates a definition, or replaces the live one whole: what others have added to it, such as a conversion webhook, does
 * not stay.
 *
 * @returns the definition as the server has it
 */
export function writeCrd(
  client: ClusterClient,
  wanted: Crd,
  live: LiveCrd | undefined,
  dryRun = false,
): Promise<LiveCrd> {
  const { name } = wanted.metadata;
  const query = { fieldManager, ...(dryRun && { dryRun: "All" }) };
  if (live === undefined) {
    return send(client, `creating ${name}`, { method: "POST", path: definitions, query, body: wanted });
  }
  const { managedFields: _, ...metadata } = live.metadata;
  const labels = { ...metadata.labels, ...wanted.metadata.labels };
  const spec = { ...wanted.spec, conversion: { strategy: "None" } };
  const body = { ...wanted, metadata: { ...metadata, labels }, spec };
  return send(client, `replacing ${name}`, { method: "PUT", path: crdPath(name), query, body });
}

/** Says in which versions objects are stored: in none but these. */
export const setStoredVersions = (
  client: ClusterClient,
  name: string,
  storedVersions: readonly string[],
): Promise<LiveCrd> =>
  send(client, `recording the stored versions of ${name}`, {
    method: "PATCH",
    path: `${crdPath(name)}/status`,
    query: { fieldManager },
    contentType: client.module.PatchStrategy.MergePatch,
    body: { status: { storedVersions } },
  });

const pathOf = ({ spec }: Crd, version: string): string =>
  `/apis/${spec.group}/${version}/${(spec.names as { plural: string }).plural}`;

/** The objects of a definition in all namespaces, read through one of its versions. */
export async function listObjects(client: ClusterClient, crd: Crd, version: string): Promise<readonly StoredObject[]> {
  const found: StoredObject[] = [];
  let next: string | undefined;
  do {
    const request: ObjectRequest = {
      method: "GET",
      path: pathOf(crd, version),
      query: { limit: 500, continue: next },
    };
    const page: { items: readonly StoredObject[]; metadata?: { continue?: string } } = await send(
      client,
      `listing ${crd.metadata.name}`,
      request,
    );
    found.push(...page.items);
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);
  return found;
}

/** Reads one object; undefined if it is gone. */
export async function readObject(
  client: ClusterClient,
  crd: Crd,
  version: string,
  { metadata }: StoredObject,
): Promise<StoredObject | undefined> {
  try {
    return await send<StoredObject>(client, `reading ${metadata.name}`, {
      method: "GET",
      path: objectPath(crd, version, metadata),
    });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const objectPath = (crd: Crd, version: string, { name, namespace }: StoredObject["metadata"]): string => {
  const [root, plural] = [pathOf(crd, version).replace(/\/[^/]+$/, ""), pathOf(crd, version).split("/").at(-1)];
  return namespace === undefined ? `${root}/${plural}/${name}` : `${root}/namespaces/${namespace}/${plural}/${name}`;
};

/**
 * Writes an object again, so that the server stores it in the current version, and records its field managers under
 * that version.
 *
 * @throws ClusterError with status 409 if it has changed meanwhile, 404 if it is gone
 */
export const rewriteObject = (
  client: ClusterClient,
  crd: Crd,
  version: string,
  { metadata }: StoredObject,
): Promise<StoredObject> => {
  const managedFields = (metadata.managedFields ?? []).map((entry) => ({
    ...entry,
    apiVersion: `${crd.spec.group}/${version}`,
  }));
  return send(client, `rewriting ${metadata.name}`, {
    method: "PATCH",
    path: objectPath(crd, version, metadata),
    query: { fieldManager },
    contentType: client.module.PatchStrategy.MergePatch,
    body: { metadata: { resourceVersion: metadata.resourceVersion, managedFields } },
  });
};

/** Why a definition is not served, if the server says so. */
function obstacleOf({ status }: LiveCrd): string | undefined {
  const names = status?.conditions?.find(({ type }) => type === "NamesAccepted");
  return names?.status === "False" ? names.message : undefined;
}

/**
 * Waits until the server serves a version of a definition.
 *
 * @throws KgentsError if it does not within 30 s, with the server's reason
 */
export async function untilServed(
  client: ClusterClient,
  crd: Crd,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { name } = crd.metadata;
  const late = Date.now() + establishMilliseconds;
  for (;;) {
    signal.throwIfAborted();
    const live = await readCrd(client, name);
    const isEstablished = live?.status?.conditions?.some((one) => one.type === "Established" && one.status === "True");
    if (isEstablished && (await isServed(client, crd, version))) return;
    if (Date.now() > late) {
      const why = (live && obstacleOf(live)) ?? "no reason is given";
      throw new KgentsError(
        "cluster-unavailable",
        `${name} is not served after ${establishMilliseconds / 1000} s: ${why}`,
        {
          remedy: `Look at it with \`kubectl describe crd ${name}\`.`,
        },
      );
    }
    await wait(pauseMilliseconds, undefined, { signal });
  }
}

async function isServed(client: ClusterClient, crd: Crd, version: string): Promise<boolean> {
  try {
    await send(client, `looking for ${version}`, { method: "GET", path: pathOf(crd, version), query: { limit: 1 } });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
