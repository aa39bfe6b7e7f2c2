/**
 * Installs, upgrades and migrates the definition of Agents.
 *
 * A migration goes through a transitional definition, which stores objects in our version and still knows the others.
 * There is no conversion webhook: while one is down, it stops the garbage collector of the whole cluster. Each step may
 * be repeated, so that an interrupted migration is finished by the next one.
 *
 * @module
 */
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import type { Crd } from "#core/agents/crd";
import { type LiveCrd, transitionalCrd } from "#core/agents/crd-change";
import {
  listObjects,
  readCrd,
  readObject,
  rewriteObject,
  type StoredObject,
  setStoredVersions,
  untilServed,
  writeCrd,
} from "./crd-api.ts";
import type { CrdPlan } from "./plan-crd.ts";

/** What happens while it goes on. */
export interface CrdProgress {
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How often an object that changes meanwhile is read again. */
const attempts = 5;

async function rewrite(client: ClusterClient, crd: Crd, version: string, object: StoredObject): Promise<void> {
  let current: StoredObject | undefined = object;
  for (let attempt = 1; current !== undefined; attempt += 1) {
    try {
      await rewriteObject(client, crd, version, current);
      return;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (error.status === 404) return;
      if (error.status !== 409 || attempt === attempts) throw error;
    }
    current = await readObject(client, crd, version, object);
  }
}

/** Objects whose field managers are recorded under another version. */
const isForeign = (apiVersion: string, { metadata }: StoredObject): boolean =>
  (metadata.managedFields ?? []).some((entry) => entry.apiVersion !== apiVersion);

async function migrate(client: ClusterClient, wanted: Crd, live: LiveCrd, { progress, signal }: CrdProgress) {
  const version = wanted.spec.versions[0]?.name ?? "";
  const { name } = wanted.metadata;
  const first = await writeCrd(client, transitionalCrd(live, wanted, true), live);
  await untilServed(client, wanted, version, signal);
  const objects = await listObjects(client, wanted, version);
  for (const [index, object] of objects.entries()) {
    signal.throwIfAborted();
    progress(`rewriting ${index + 1} of ${objects.length} ...`);
    await rewrite(client, wanted, version, object);
  }
  // From here on nobody applies through the other versions. What was applied meanwhile is rewritten, too.
  const latest = (await readCrd(client, name)) ?? first;
  await writeCrd(client, transitionalCrd(latest, wanted, false), latest);
  const apiVersion = `${wanted.spec.group}/${version}`;
  for (const object of await listObjects(client, wanted, version)) {
    if (isForeign(apiVersion, object)) await rewrite(client, wanted, version, object);
  }
  await setStoredVersions(client, name, [version]);
}

/**
 * Does what was planned, and waits until the definition is served.
 *
 * @throws KgentsError or ClusterError; the next run finishes what was begun
 */
export async function upgradeCrd(
  client: ClusterClient,
  wanted: Crd,
  plan: CrdPlan,
  context: CrdProgress,
): Promise<void> {
  const { name } = wanted.metadata;
  if (plan.action === "unchanged") return;
  const live = await readCrd(client, name);
  if (plan.action === "migrate" && live !== undefined) await migrate(client, wanted, live, context);
  await writeCrd(client, wanted, await readCrd(client, name));
  await untilServed(client, wanted, wanted.spec.versions[0]?.name ?? "", context.signal);
}
