/**
 * The fields of a hardened Job and their allowed values, without its labels and annotations: see `hardening.ts`.
 *
 * @module
 */
import { z } from "zod";
import { list, strict, text, wholeNumber } from "../contract/fields.ts";
import { packageDirectories } from "../packages/in-cell.ts";
import { parseQuantity } from "../text/quantity.ts";
import { accountAnnotations, largestUserId } from "./cell-user.ts";
import { isExtendedResource, podTemplateSpecFields, renderedSpreadConstraints } from "./pod-template-fields.ts";

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

const volumeNames = ["run", "work", "tmp", "packages"] as const;
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
const volumesRule = "the volumes of a cell: run, work, tmp, packages if it has any, accounts";
const accountsVolume = () =>
  strict(
    {
      name: only("accounts"),
      downwardAPI: strict(
        { items: z.tuple([accountItem("passwd"), accountItem("group")], { error: volumesRule }) },
        volumesRule,
      ),
    },
    volumesRule,
  );
const plainVolumes = () => [emptyDir("run"), emptyDir("work"), emptyDir("tmp")] as const;
const volumes = () =>
  z.union(
    [
      z.tuple([...plainVolumes(), accountsVolume()], { error: volumesRule }),
      z.tuple([...plainVolumes(), emptyDir("packages"), accountsVolume()], { error: volumesRule }),
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
const mountsRule = "the mounts of a cell: its five, and one of packages if it has any";
const plainMounts = () => [mount("run", "/run/kgents"), mount("work", "/work"), mount("tmp", "/tmp")] as const;
const accountMounts = () => [accountMount("passwd"), accountMount("group")] as const;
const packagesMount = () =>
  strict(
    { name: only("packages"), mountPath: z.enum(Object.values(packageDirectories), { error: mountsRule }) },
    mountsRule,
  );
const volumeMounts = () =>
  z.union(
    [
      z.tuple([...plainMounts(), ...accountMounts()], { error: mountsRule }),
      z.tuple([...plainMounts(), packagesMount(), ...accountMounts()], { error: mountsRule }),
    ],
    { error: mountsRule },
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

/** The schema of a hardened Job. No field that it does not know is allowed. */
export const hardenedJob = z.lazy(() =>
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
