/**
 * What every Job of a cell must be, whoever rendered it. Stated here a second time and independently of `cell-pod.ts`,
 * so that neither a template nor a mistake there can weaken a cell.
 *
 * @module
 */
import { isReservedKey } from "../contract/labels.ts";
import { describeValue, parseOrRefuse, refuse } from "../contract/refusal.ts";
import { accountAnnotations, accountFiles, userIdLabel } from "./cell-user.ts";
import {
  agentLabel,
  cellLabel,
  instanceLabel,
  jobTypeLabel,
  languageLabel,
  managedByKgents,
  managedByLabel,
  networkLabel,
  partOfLabel,
} from "./cluster-names.ts";
import { hardenedJob } from "./hardened-job.ts";
import type { Job } from "./job-types.ts";
import { isExtendedResource, isTemplateKey, podTemplateSpecFields } from "./pod-template-fields.ts";

/** The labels of a cell, each with its allowed values. No other reserved label is allowed. */
const ownLabels: Readonly<Record<string, RegExp>> = {
  [partOfLabel]: /^kgents$/,
  [managedByLabel]: new RegExp(`^${managedByKgents}$`),
  [agentLabel]: /^q-gent$/,
  [jobTypeLabel]: /^ephemeral$/,
  [languageLabel]: /./,
  [networkLabel]: /^(?:true|false)$/,
  [userIdLabel]: /^\d+$/,
};
const optionalLabels: readonly string[] = [instanceLabel, cellLabel];

/** What keeps a cell from being moved, which would end its code, and from being joined by a sidecar. */
const ownAnnotations: Readonly<Record<string, string>> = {
  "karpenter.sh/do-not-disrupt": "true",
  "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
  "sidecar.istio.io/inject": "false",
};

const refuseAt = (path: string, got: unknown, allowed: string): Error =>
  refuse("internal", path, describeValue(got, false), allowed);

function checkLabels(path: string, labels: Readonly<Record<string, string>>): void {
  for (const [key, shape] of Object.entries(ownLabels)) {
    if (!shape.test(labels[key] ?? "")) throw refuseAt(`${path}.${key}`, labels[key], "the label of a cell");
  }
  const other = Object.keys(labels).find(
    (key) => isReservedKey(key) && !Object.hasOwn(ownLabels, key) && !optionalLabels.includes(key),
  );
  if (other !== undefined) throw refuseAt(`${path}.${other}`, labels[other], "no such label in a cell");
}

function checkAnnotations(path: string, annotations: Readonly<Record<string, string>>, userId: number): void {
  const accounts = accountFiles(userId, "/work");
  const demanded: Record<string, string> = {
    ...ownAnnotations,
    [accountAnnotations.passwd]: accounts.passwd,
    [accountAnnotations.group]: accounts.group,
  };
  for (const [key, value] of Object.entries(annotations)) {
    if (Object.hasOwn(demanded, key) || isTemplateKey(key)) continue;
    throw refuseAt(`${path}.${key}`, value, "no such annotation in a cell");
  }
  for (const [key, value] of Object.entries(demanded)) {
    if (annotations[key] !== value) throw refuseAt(`${path}.${key}`, annotations[key], JSON.stringify(value));
  }
}

const podPath = "spec.template.spec";
const labelsPath = "spec.template.metadata.labels";
const annotationsPath = "spec.template.metadata.annotations";

const mayAddAt = (path: string, key: string): boolean => {
  switch (path) {
    case podPath:
      return key === "topologySpreadConstraints" || Object.hasOwn(podTemplateSpecFields, key);
    case labelsPath:
    case annotationsPath:
      return isTemplateKey(key);
    case `${podPath}.containers.0.resources.requests`:
    case `${podPath}.containers.0.resources.limits`:
      return isExtendedResource(key);
    default:
      return false;
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Refuses the first place where the merged Job is not the plain one with an addition that a template may make. */
function checkUnchanged(merged: unknown, plain: unknown, path = ""): void {
  if (!isObject(plain) || !isObject(merged) || Array.isArray(plain) !== Array.isArray(merged)) {
    if (!Object.is(merged, plain))
      throw refuseAt(path, merged, `${describeValue(plain, false)}, as without a template`);
    return;
  }
  for (const key of new Set([...Object.keys(plain), ...Object.keys(merged)])) {
    const at = path === "" ? key : `${path}.${key}`;
    if (!Object.hasOwn(plain, key)) {
      if (!mayAddAt(path, key)) throw refuseAt(at, merged[key], "nothing, as without a template");
      // The request's own labels have no meaning for the cell.
    } else if (path !== labelsPath || !isTemplateKey(key) || !Object.hasOwn(merged, key)) {
      checkUnchanged(merged[key], plain[key], at);
    }
  }
}

/**
 * Checks that the Job of a cell is hardened, and that a template has changed nothing of it.
 *
 * @param merged the Job that would be created
 * @param plain the same Job without a template
 * @throws KgentsError `internal`, for the first field that is not as it must be; `field` is its path
 */
export function checkHardening(merged: Job, plain: Job): void {
  const { metadata, spec } = parseOrRefuse(hardenedJob, merged, "internal", "job");
  const { template } = spec;
  const { runAsUser, runAsGroup } = template.spec.securityContext;
  if (runAsGroup !== runAsUser) {
    throw refuseAt(`${podPath}.securityContext`, template.spec.securityContext, "runAsUser and runAsGroup of one id");
  }
  for (const [path, labels] of [
    ["metadata.labels", metadata.labels],
    [labelsPath, template.metadata.labels],
  ] as const) {
    checkLabels(path, labels);
    if (labels[userIdLabel] !== String(runAsUser)) {
      throw refuseAt(`${path}.${userIdLabel}`, labels[userIdLabel], `the user's id ${runAsUser}`);
    }
  }
  checkAnnotations(annotationsPath, template.metadata.annotations, runAsUser);
  checkUnchanged(merged, plain);
}
