/**
 * What every Job of a cell must be, whoever rendered it. Stated here a second time and independently of `cell-pod.ts`,
 * so that neither a template nor a mistake there can weaken a cell.
 *
 * @module
 */
import { z } from "zod";
import { list, strict, text, wholeNumber } from "../contract/fields.ts";
import { isReservedKey } from "../contract/labels.ts";
import { describeValue, parseOrRefuse, refuse } from "../contract/refusal.ts";
import { parseQuantity } from "../text/quantity.ts";
import { accountAnnotations, accountFiles, largestUserId, userIdLabel } from "./cell-user.ts";
import { cellLabel, instanceLabel, managedByKgents, managedByLabel, networkLabel } from "./cluster-names.ts";
import type { Job } from "./job-types.ts";
import {
  isExtendedResource,
  isTemplateKey,
  podTemplateSpecFields,
  renderedSpreadConstraints,
} from "./pod-template-fields.ts";

// The schemas are made when the first Job is checked: most commands check none.

const only = <const Value extends string | number | boolean>(value: Value) =>
  z.literal(value, { error: JSON.stringify(value) });

const amountRule = "a quantity above 0";
const amount = () => text(amountRule).refine((value) => (parseQuantity(value) ?? 0) > 0, { error: amountRule });

const nativeResources = ["cpu", "memory", "ephemeral-storage"] as const;
const amountsRule = "cpu, memory, ephemeral-storage, and extended resources";
const amounts = () =>
  z
    .record(z.string(), amount(), { error: amountsRule })
    .refine((given) => nativeResources.every((name) => Object.hasOwn(given, name)), { error: amountsRule })
    .refine(
      (given) =>
        Object.keys(given).every(
          (name) => nativeResources.some((native) => native === name) || isExtendedResource(name),
        ),
      { error: amountsRule },
    );

const resources = () =>
  strict({ requests: amounts(), limits: amounts() }, "an object with requests and limits").refine(
    ({ requests, limits }) =>
      [...Object.keys(requests), ...Object.keys(limits)].every((name) =>
        isExtendedResource(name)
          ? requests[name] === limits[name]
          : (parseQuantity(requests[name] ?? "", 1000) ?? Number.NaN) <= (parseQuantity(limits[name] ?? "", 1000) ?? 0),
      ),
    { error: "requests up to the limits, and equal ones of extended resources" },
  );

const seccomp = () => strict({ type: only("RuntimeDefault") }, "the seccomp profile RuntimeDefault");

const dropAll = () =>
  strict(
    { drop: z.tuple([only("ALL")], { error: "ALL alone" }) },
    "an object with drop: all capabilities, and none added",
  );

const volumeNames = ["run", "work", "tmp"] as const;
const emptyDir = (name: (typeof volumeNames)[number]) =>
  strict(
    { name: only(name), emptyDir: strict({ sizeLimit: amount() }, "an object with sizeLimit") },
    `the emptyDir ${name} with a size`,
  );
const accountItem = (path: keyof typeof accountAnnotations) =>
  strict(
    {
      path: only(path),
      fieldRef: strict(
        { fieldPath: only(`metadata.annotations['${accountAnnotations[path]}']`) },
        "an annotation of the pod",
      ),
    },
    `the file ${path} of the pod's annotations`,
  );
const volumesRule = "the volumes of a cell: run, work, tmp, accounts";
const volumes = () =>
  z.tuple(
    [
      ...([emptyDir("run"), emptyDir("work"), emptyDir("tmp")] as const),
      strict(
        {
          name: only("accounts"),
          downwardAPI: strict(
            { items: z.tuple([accountItem("passwd"), accountItem("group")], { error: volumesRule }) },
            volumesRule,
          ),
        },
        volumesRule,
      ),
    ],
    { error: volumesRule },
  );

const mount = (name: string, mountPath: string) =>
  strict({ name: only(name), mountPath: only(mountPath) }, `the volume ${name} at ${mountPath}`);
const accountMount = (file: string) =>
  strict(
    { name: only("accounts"), mountPath: only(`/etc/${file}`), subPath: only(file), readOnly: only(true) },
    `the file /etc/${file}, read-only`,
  );
const volumeMounts = () =>
  z.tuple(
    [
      ...([mount("run", "/run/kgents"), mount("work", "/work"), mount("tmp", "/tmp")] as const),
      ...([accountMount("passwd"), accountMount("group")] as const),
    ],
    { error: "the five mounts of a cell" },
  );

const container = () =>
  strict(
    {
      name: only("cell"),
      image: text("an image").min(1, { error: "an image" }),
      imagePullPolicy: only("IfNotPresent"),
      command: list(text("a word"), 100, "the supervisor's command").min(1, { error: "the supervisor's command" }),
      workingDir: only("/work"),
      resources: resources(),
      securityContext: strict(
        {
          runAsNonRoot: only(true),
          readOnlyRootFilesystem: only(true),
          allowPrivilegeEscalation: only(false),
          privileged: only(false),
          capabilities: dropAll(),
          seccompProfile: seccomp(),
        },
        "the security context of a cell",
      ),
      volumeMounts: volumeMounts(),
    },
    "the container of a cell",
  );

const userId = () => wholeNumber(1000, largestUserId);

const podSpec = () =>
  strict(
    {
      restartPolicy: only("Never"),
      terminationGracePeriodSeconds: wholeNumber(1, 30),
      automountServiceAccountToken: only(false),
      enableServiceLinks: only(false),
      runtimeClassName: text("a runtime class").optional(),
      securityContext: strict(
        { runAsNonRoot: only(true), runAsUser: userId(), runAsGroup: userId(), seccompProfile: seccomp() },
        "the security context of a cell's pod",
      ),
      containers: z.tuple([container()], { error: "one container" }),
      volumes: volumes(),
      ...podTemplateSpecFields,
      topologySpreadConstraints: renderedSpreadConstraints,
    },
    "the pod of a cell",
  );

const values = () => z.record(z.string(), z.string({ error: "text" }), { error: "an object of texts" });

const hardenedJob = z.lazy(() =>
  strict(
    {
      apiVersion: only("batch/v1"),
      kind: only("Job"),
      metadata: strict(
        { name: text("a name"), namespace: text("a namespace"), labels: values(), annotations: values() },
        "an object with name, namespace, labels, annotations",
      ),
      spec: strict(
        {
          backoffLimit: only(0),
          podReplacementPolicy: only("Failed"),
          activeDeadlineSeconds: wholeNumber(1, 30 * 86_400),
          ttlSecondsAfterFinished: wholeNumber(0, 30 * 86_400),
          template: strict(
            {
              metadata: strict({ labels: values(), annotations: values() }, "an object with labels and annotations"),
              spec: podSpec(),
            },
            "the template of a pod",
          ),
        },
        "the spec of a cell's Job",
      ),
    },
    "a Job of batch/v1",
  ),
);

/** The labels of a cell, each with its allowed values. No other reserved label is allowed. */
const ownLabels: Readonly<Record<string, RegExp>> = {
  "app.kubernetes.io/part-of": /^kgents$/,
  [managedByLabel]: new RegExp(`^${managedByKgents}$`),
  "kgents.io/agent": /^q-gent$/,
  "kgents.io/job-type": /^ephemeral$/,
  "kgents.io/language": /./,
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
  checkLabels("metadata.labels", metadata.labels);
  checkLabels(labelsPath, template.metadata.labels);
  for (const [path, labels] of [
    ["metadata.labels", metadata.labels],
    [labelsPath, template.metadata.labels],
  ] as const) {
    if (labels[userIdLabel] !== String(runAsUser)) {
      throw refuseAt(`${path}.${userIdLabel}`, labels[userIdLabel], `the user's id ${runAsUser}`);
    }
  }
  checkAnnotations(annotationsPath, template.metadata.annotations, runAsUser);
  checkUnchanged(merged, plain);
}
