/**
 * Decides whether a Job in the cluster is the one that a run would create. Annotations prove nothing, because anyone
 * can set them, so the Job's own spec, as stored by the server, is compared.
 *
 * @module
 */
import type { V1Job } from "@kubernetes/client-node";
import { cellLabel, instanceLabel, runIdAnnotation, workflowIdAnnotation } from "#core/manifest/cluster-names";
import { parseQuantity } from "#core/text/quantity";
import type { CellPlan } from "../../cell-plan.ts";

/**
 * Fields that the server may add, with the default value; undefined accepts any value. None of them determines what
 * runs or as which user.
 */
const filledIn: Readonly<Record<string, unknown>> = {
  parallelism: 1,
  completions: 1,
  completionMode: "NonIndexed",
  suspend: undefined,
  manualSelector: false,
  selector: undefined,
  dnsPolicy: "ClusterFirst",
  schedulerName: undefined,
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  apiVersion: "v1",
  defaultMode: 0o644,
  creationTimestamp: undefined,
  // Scheduling and priority are up to the cluster's administrators, apart from what the wanted spec has of them.
  tolerations: undefined,
  nodeSelector: undefined,
  affinity: undefined,
  topologySpreadConstraints: undefined,
  priority: undefined,
  priorityClassName: undefined,
  preemptionPolicy: undefined,
  schedulingGates: undefined,
  imagePullSecrets: undefined,
  overhead: undefined,
  labels: undefined,
  annotations: undefined,
};

/** Maps that may have additional keys; the keys that matter are in the wanted spec. */
const open = new Set(["labels", "annotations", "nodeSelector", "affinity"]);

/** Lists to which an admission may add entries. The wanted ones must be there. */
const openLists = new Set(["tolerations", "topologySpreadConstraints", "imagePullSecrets"]);

/** Maps whose values are quantities, which the server normalizes. */
const quantities = new Set(["requests", "limits"]);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** In thousandths, because cpu has fractions. */
const amountIn = (value: unknown): number | undefined =>
  typeof value === "string" ? parseQuantity(value, 1000) : undefined;

const isSameAmount = (there: unknown, wanted: unknown): boolean =>
  amountIn(there) !== undefined && amountIn(there) === amountIn(wanted);

function isSameList(there: unknown, wanted: readonly unknown[], name: string): boolean {
  if (!Array.isArray(there)) return false;
  if (openLists.has(name)) return wanted.every((item) => there.some((one) => isSame(one, item)));
  return there.length === wanted.length && wanted.every((item, index) => isSame(there[index], item));
}

/** Whether the live value equals the wanted one, apart from fields that the server adds. */
function isSame(there: unknown, wanted: unknown, name = "", parent = ""): boolean {
  if (Array.isArray(wanted)) return isSameList(there, wanted, name);
  if (!isObject(wanted)) {
    return there === wanted || ((name === "sizeLimit" || quantities.has(parent)) && isSameAmount(there, wanted));
  }
  if (!isObject(there) || Array.isArray(there)) return false;
  const isKnown = (key: string): boolean =>
    open.has(name) ||
    there[key] === undefined ||
    (Object.hasOwn(filledIn, key) && (filledIn[key] === undefined || filledIn[key] === there[key]));
  return (
    Object.entries(wanted).every(([key, value]) => value === undefined || isSame(there[key], value, key, name)) &&
    Object.keys(there).every((key) => wanted[key] !== undefined || isKnown(key))
  );
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/** Whether a Job belongs to a run: by its name, its instance and its run. */
export function isJobOf(job: V1Job, { cellId, owner }: Pick<CellPlan, "cellId" | "owner">, instance: string): boolean {
  const { name, labels, annotations } = job.metadata ?? {};
  return (
    name === cellId &&
    labels?.[instanceLabel] === instance &&
    labels[cellLabel] === cellId &&
    annotations?.[workflowIdAnnotation] === owner.workflowId &&
    annotations[runIdAnnotation] === owner.runId
  );
}

/** Whether the server's Job has the wanted spec. */
export const hasSpecOf = (there: V1Job, wanted: V1Job): boolean => isSame(plain(there.spec), plain(wanted.spec));
