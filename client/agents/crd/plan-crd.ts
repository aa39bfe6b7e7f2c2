/**
 * Plans what `kgents infra crd` does to the definition of Agents, and refuses what would lose data.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { Crd } from "#core/agents/crd";
import { foreignVersions, type LiveCrd, type ObjectChange, objectChange, schemaOf } from "#core/agents/crd-change";
import { KgentsError } from "#core/contract/error";
import { listObjects, readCrd, servedVersion, writeCrd } from "./crd-api.ts";

/**
 * - `migrate`: objects may be stored in versions that the definition lacks, and are rewritten.
 * - `upgrade`: the definition is replaced.
 */
export type CrdAction = "install" | "unchanged" | "upgrade" | "migrate";

/** What is to be done. */
export interface CrdPlan {
  readonly action: CrdAction;
  readonly name: string;
  /** The number of objects in all namespaces. */
  readonly objects: number;
  /** Versions that go away. */
  readonly from: readonly string[];
  /** Fields that objects have and that would be lost, for each object. */
  readonly losses: readonly Pick<ObjectChange, "object" | "lost">[];
}

const most = 20;

/** Lists the first lines, and says how many more there are. */
const listed = (lines: readonly string[]): string =>
  [...lines.slice(0, most), ...(lines.length > most ? [`and ${lines.length - most} more`] : [])]
    .map((line) => `\n        ${line}`)
    .join("");

function refuseUnfit({ spec, metadata }: LiveCrd, wanted: Crd): void {
  const { name } = wanted.metadata;
  if (metadata.deletionTimestamp !== undefined) {
    throw new KgentsError("cluster-unavailable", `${name} is being removed, and its objects with it`, {
      remedy: "Wait until it is gone, and run this again.",
    });
  }
  if (spec.scope !== wanted.spec.scope) {
    throw new KgentsError(
      "invalid-request",
      `${name}: the scope of the installed definition is ${spec.scope}, and cannot be changed to ${wanted.spec.scope}`,
      { remedy: "Save its objects, remove the definition, and run this again." },
    );
  }
}

function refuseInvalid(changes: readonly ObjectChange[]): void {
  const lines = changes.flatMap(({ object, issues }) =>
    issues.map(({ field, message }) => `${object}: ${field}: ${message}`),
  );
  if (lines.length === 0) return;
  throw new KgentsError("invalid-request", `stored objects break the rules of the definition:${listed(lines)}`, {
    remedy: "Correct or remove these objects, and run this again. Nothing was changed.",
  });
}

function refuseLoss(changes: readonly ObjectChange[], consent: boolean): void {
  const lines = changes.flatMap(({ object, lost }) => lost.map((field) => `${object}: ${field}`));
  if (lines.length === 0 || consent) return;
  throw new KgentsError(
    "invalid-request",
    `the definition has no place for fields of stored objects:${listed(lines)}`,
    {
      field: "--yes",
      remedy: "Save what you need of them. With --yes they are lost at the next write. Nothing was changed.",
    },
  );
}

/** Whether the server would store the definition differently. */
async function differs(client: ClusterClient, wanted: Crd, live: LiveCrd): Promise<boolean> {
  const next = await writeCrd(client, wanted, live, true);
  return !isDeepStrictEqual(next.spec, live.spec) || !isDeepStrictEqual(next.metadata.labels, live.metadata.labels);
}

/**
 * Plans, and changes nothing.
 *
 * @param consent to lose fields for which the definition has no place
 * @throws KgentsError if objects break its rules, or would lose fields
 */
export async function planCrd(client: ClusterClient, wanted: Crd, consent: boolean): Promise<CrdPlan> {
  const { name } = wanted.metadata;
  const live = await readCrd(client, name);
  if (live === undefined) {
    await writeCrd(client, wanted, undefined, true);
    return { action: "install", name, objects: 0, from: [], losses: [] };
  }
  refuseUnfit(live, wanted);
  const from = foreignVersions(live, wanted);
  const isChange = from.length > 0 || (await differs(client, wanted, live));
  const version = servedVersion(live);
  const stored = version === undefined ? [] : await listObjects(client, live, version);
  if (!isChange) return { action: "unchanged", name, objects: stored.length, from, losses: [] };
  const schema = schemaOf(wanted.spec.versions[0]);
  const changes = stored.map((object) => objectChange(object, schema));
  refuseInvalid(changes);
  refuseLoss(changes, consent);
  const losses = changes.filter(({ lost }) => lost.length > 0).map(({ object, lost }) => ({ object, lost }));
  return { action: from.length > 0 ? "migrate" : "upgrade", name, objects: stored.length, from, losses };
}
