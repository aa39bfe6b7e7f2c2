/** What a pod template adds to a cell's Job, and that nothing it could say weakens one. */
import { describe, expect, it, test } from "vitest";
import { shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import { checkHardening } from "#core/manifest/hardening";
import type { Job } from "#core/manifest/job-types";
import { renderJob } from "#core/manifest/manifest";
import { type PodTemplate, podTemplateSchema } from "#core/manifest/pod-template-fields";
import { refusalOf } from "../support/refusal-of.ts";

const shape = shapeOf(parseRequest({ code: "1", labels: { team: "red" } }), findLanguage(builtInLanguages, "python"));
const render = (podTemplate?: PodTemplate): Job =>
  renderJob({
    name: "kgents-0123",
    namespace: "kgents-ephemeral",
    shape,
    runtimeClassName: "gvisor",
    podTemplate,
    labels: { "kgents.io/instance": "i", "kgents.io/cell": "kgents-0123" },
    annotations: { "kgents.io/run-id": "r" },
  });
const plain = render();

type Path = readonly (string | number)[];
interface Leaf {
  readonly path: Path;
  readonly value: unknown;
}

/** Every value that is neither an object nor a list, by its path. */
function leaves(value: unknown, path: Path = []): Leaf[] {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([key, part]) =>
    leaves(part, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Every object and list, by its path. */
function branches(value: unknown, path: Path = []): Leaf[] {
  if (typeof value !== "object" || value === null) return [];
  return [{ path, value }, ...Object.entries(value).flatMap(([key, part]) => branches(part, [...path, key]))];
}

const at = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>((part, name) => (Object.hasOwn(Object(part), name) ? Object(part)[name] : undefined), root);

/** The Job with another value at a path; undefined removes it. */
function changed(path: Path, value: unknown): Job {
  const job = structuredClone(plain);
  const target = Object(at(job, path.slice(0, -1)));
  const last = path.at(-1) ?? "";
  if (value === undefined) Reflect.deleteProperty(target, last);
  else Reflect.set(target, last, value);
  return job;
}

const another = (value: unknown): unknown => {
  if (typeof value === "boolean") return !value;
  return typeof value === "number" ? value + 1 : `${value}x`;
};

const pod: Path = ["spec", "template", "spec"];
const container: Path = [...pod, "containers", 0];
const podLabels: Path = ["spec", "template", "metadata", "labels"];
const podAnnotations: Path = ["spec", "template", "metadata", "annotations"];

describe("a hardened Job", () => {
  it("passes, with and without a runtime class", () => {
    expect(() => checkHardening(plain, plain)).not.toThrow();
    const without = changed([...pod, "runtimeClassName"], undefined);
    expect(() => checkHardening(without, without)).not.toThrow();
  });

  // The request's own labels may be replaced by the operator's.
  const fixed = leaves(plain).filter(({ path }) => path.at(-1) !== "team");

  it("has fields to change", () => {
    expect(fixed.length).toBeGreaterThan(80);
  });

  test.each(fixed.map((leaf) => [leaf.path.join("."), leaf] as const))(
    "refuses another %s",
    (name, { path, value }) => {
      for (const other of [another(value), undefined, null, {}]) {
        const error = refusalOf(() => checkHardening(changed(path, other), plain));
        expect(error.code).toBe("internal");
        // The field itself, or the object or list that is only valid as a whole.
        expect(name.startsWith(error.field ?? "?"), `${name}: ${error.field}`).toBe(true);
        expect(error.message).toMatch(/^\S+.*: got .+; allowed is ./);
      }
    },
  );

  test.each(branches(plain).map(({ path, value }) => [path.join("."), path, value] as const))(
    "refuses anything more in %s",
    (name, path, value) => {
      const more = Array.isArray(value) ? [...value, ...value] : { ...Object(value), "kgents.io/more": "x" };
      const job = path.length === 0 ? (more as Job) : changed(path, more);
      const { field = "?" } = refusalOf(() => checkHardening(job, plain));
      expect(field.startsWith(name) || name.startsWith(field), field).toBe(true);
    },
  );
});

/** Stated without a comparison, so that a mistake in the rendering itself is found, too. */
describe("a Job that was rendered less hardened", () => {
  const security = [...container, "securityContext"];
  const cases: [path: Path, values: unknown[]][] = [
    [["kind"], ["Pod"]],
    [
      ["spec", "backoffLimit"],
      [undefined, 6],
    ],
    [
      ["spec", "podReplacementPolicy"],
      [undefined, "TerminatingOrFailed"],
    ],
    [
      ["spec", "activeDeadlineSeconds"],
      [undefined, 0],
    ],
    [
      ["spec", "ttlSecondsAfterFinished"],
      [undefined, -1],
    ],
    [["spec", "parallelism"], [2]],
    [["spec", "completions"], [2]],
    [["spec", "manualSelector"], [true]],
    [["spec", "podFailurePolicy"], [{ rules: [] }]],
    [
      [...pod, "restartPolicy"],
      [undefined, "Always", "OnFailure"],
    ],
    [
      [...pod, "terminationGracePeriodSeconds"],
      [undefined, 0, 3600],
    ],
    [
      [...pod, "automountServiceAccountToken"],
      [undefined, true],
    ],
    [
      [...pod, "enableServiceLinks"],
      [undefined, true],
    ],
    [
      [...pod, "securityContext"],
      [undefined, {}],
    ],
    [
      [...pod, "securityContext", "runAsNonRoot"],
      [undefined, false],
    ],
    [
      [...pod, "securityContext", "runAsUser"],
      [undefined, 0, 999, 2013265921],
    ],
    [
      [...pod, "securityContext", "runAsGroup"],
      [undefined, 0, 2013265921],
    ],
    [[...pod, "securityContext", "fsGroup"], [0]],
    [[...pod, "securityContext", "supplementalGroups"], [[0]]],
    [[...pod, "securityContext", "sysctls"], [[{ name: "kernel.msgmax", value: "1" }]]],
    [
      [...pod, "securityContext", "seccompProfile"],
      [undefined, { type: "Unconfined" }],
    ],
    [[...pod, "securityContext", "appArmorProfile"], [{ type: "Unconfined" }]],
    [
      [...pod, "containers"],
      [[], [at(plain, container), at(plain, container)]],
    ],
    [[...security], [undefined, {}]],
    [
      [...security, "runAsNonRoot"],
      [undefined, false],
    ],
    [[...security, "runAsUser"], [0]],
    [
      [...security, "readOnlyRootFilesystem"],
      [undefined, false],
    ],
    [
      [...security, "allowPrivilegeEscalation"],
      [undefined, true],
    ],
    [
      [...security, "privileged"],
      [undefined, true],
    ],
    [
      [...security, "capabilities"],
      [undefined, { drop: [] }, { drop: ["ALL"], add: ["SYS_ADMIN"] }],
    ],
    [
      [...security, "seccompProfile", "type"],
      [undefined, "Unconfined", "Localhost"],
    ],
    [[...security, "procMount"], ["Unmasked"]],
    [
      [...container, "resources"],
      [undefined, {}, { requests: {}, limits: {} }],
    ],
    ...["cpu", "memory", "ephemeral-storage"].map((name): [Path, unknown[]] => [
      [...container, "resources", "limits", name],
      [undefined, "0", "lots", 1],
    ]),
    [
      [...container, "resources", "requests", "memory"],
      [undefined, "1Ti"],
    ],
    [[...container, "resources", "limits", "example.com/device"], ["1"]],
    [[...container, "resources", "limits", "hugepages-2Mi"], ["2Mi"]],
    [
      [...container, "volumeMounts", 3, "readOnly"],
      [undefined, false],
    ],
    [[...container, "volumeMounts", 0, "mountPath"], ["/"]],
    [[...container, "volumeMounts", 1, "mountPropagation"], ["Bidirectional"]],
    [
      [...pod, "volumes", 0, "emptyDir", "sizeLimit"],
      [undefined, "0"],
    ],
    [[...pod, "volumes", 0, "emptyDir", "medium"], ["Memory"]],
    [
      [...pod, "volumes", 1],
      [
        { name: "work", hostPath: { path: "/" } },
        { name: "work", secret: { secretName: "s" } },
      ],
    ],
    [
      [...pod, "volumes", 3],
      [undefined, { name: "accounts", configMap: { name: "c" } }],
    ],
    [
      [...podLabels, "kgents.io/network"],
      [undefined, "yes"],
    ],
    [
      [...podLabels, "kgents.io/user-id"],
      [undefined, "0", "1000"],
    ],
    [[...podLabels, "kgents.io/canary"], ["x"]],
    [
      [...podLabels, "app.kubernetes.io/managed-by"],
      [undefined, "someone"],
    ],
    [
      ["metadata", "labels", "kgents.io/user-id"],
      [undefined, "0"],
    ],
    [
      [...podAnnotations, "kgents.io/passwd"],
      [undefined, "root::0:0::/:/bin/sh\n"],
    ],
    [
      [...podAnnotations, "sidecar.istio.io/inject"],
      [undefined, "true"],
    ],
    [
      [...podAnnotations, "karpenter.sh/do-not-disrupt"],
      [undefined, "false"],
    ],
    [[...podAnnotations, "container.apparmor.security.beta.kubernetes.io/cell"], ["unconfined"]],
    [[...podAnnotations, "k8s.v1.cni.cncf.io/networks"], ["another"]],
    ...[...["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "setHostnameAsFQDN", "hostUsers"]].map(
      (name): [Path, unknown[]] => [[...pod, name], [true]],
    ),
    ...["initContainers", "ephemeralContainers", "hostAliases", "resourceClaims", "readinessGates"].map(
      (name): [Path, unknown[]] => [
        [...pod, name],
        [[], [{ name: "x" }]],
      ],
    ),
    ...["nodeName", "serviceAccountName", "serviceAccount", "hostname", "dnsPolicy", "preemptionPolicy"].map(
      (name): [Path, unknown[]] => [[...pod, name], ["x"]],
    ),
    ...["env", "envFrom", "ports", "volumeDevices", "args"].map((name): [Path, unknown[]] => [
      [...container, name],
      [[{ name: "x" }]],
    ]),
    ...["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"].map((name): [Path, unknown[]] => [
      [...container, name],
      [{ exec: { command: ["sh"] } }],
    ]),
    ...["stdin", "tty"].map((name): [Path, unknown[]] => [[...container, name], [true]]),
  ];

  test.each(cases.map(([path, values]) => [path.join("."), path, values] as const))("%s", (name, path, values) => {
    for (const value of values) {
      const job = changed(path, value);
      const { field = "?", code } = refusalOf(() => checkHardening(job, job));
      expect(code).toBe("internal");
      expect(name.startsWith(field) || field.startsWith(name), `${name}: ${field}`).toBe(true);
    }
  });
});

/** Templates that the configuration accepts. */
const templates: Readonly<Record<string, PodTemplate>> = {
  empty: {},
  nodes: { nodeSelector: { "kubernetes.io/arch": "amd64", pool: "cells" } },
  tolerations: {
    tolerations: [
      { key: "cells", operator: "Exists", effect: "NoSchedule" },
      { key: "a", value: "b" },
      { operator: "Exists" },
      { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 },
    ],
  },
  affinity: {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a", "b"] }] }],
        },
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, preference: { matchExpressions: [{ key: "fast", operator: "Exists" }] } },
        ],
      },
    },
  },
  spread: {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
    ],
  },
  secrets: { imagePullSecrets: [{ name: "registry" }, { name: "registry.of-others" }] },
  priority: { priorityClassName: "batch-low", schedulerName: "my-scheduler" },
  devices: { resources: { "nvidia.com/gpu": 2, "example.com/fpga": 1000 } },
  labels: { labels: { "cost-center": "42", "example.com/pool": "cells", team: "blue" } },
  annotations: { annotations: { "example.com/note": "a\nb", "prometheus.io/scrape": "false" } },
};
const every = Object.assign({}, ...Object.values(templates)) as PodTemplate;
const accepted = Object.entries({ ...templates, every });

describe("a template", () => {
  test.each(accepted)("%s: is accepted by the configuration", (_name, template) => {
    expect(podTemplateSchema.parse(template)).toEqual(template);
  });

  test.each(accepted)("%s: leaves every field of the cell as it is", (_name, template) => {
    const job = render(template);
    for (const { path, value } of leaves(plain)) {
      if (path.at(-1) === "team" && path.includes("template")) continue;
      expect(at(job, path), path.join(".")).toBe(value);
    }
    expect(JSON.stringify(at(job, [...container, "securityContext"]))).toBe(
      JSON.stringify(at(plain, [...container, "securityContext"])),
    );
    for (const part of ["volumes", "securityContext"] as const) {
      expect(JSON.stringify(at(job, [...pod, part]))).toBe(JSON.stringify(at(plain, [...pod, part])));
    }
    expect(job.metadata).toEqual(plain.metadata);
  });

  it("adds what it says, and nothing else", () => {
    const job = render(every);
    const spec = job.spec.template.spec;
    const { nodeSelector, tolerations, affinity, imagePullSecrets, priorityClassName, schedulerName } = every;
    expect(spec).toEqual({
      ...plain.spec.template.spec,
      nodeSelector,
      tolerations,
      affinity,
      imagePullSecrets,
      priorityClassName,
      schedulerName,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "topology.kubernetes.io/zone",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: { "kgents.io/job-type": "ephemeral" } },
        },
      ],
      containers: [{ ...plain.spec.template.spec.containers[0], resources: expect.anything() }],
    });
    for (const part of ["requests", "limits"] as const) {
      expect(spec.containers[0].resources[part]).toEqual({
        ...plain.spec.template.spec.containers[0].resources[part],
        "nvidia.com/gpu": "2",
        "example.com/fpga": "1000",
      });
    }
    expect(job.spec.template.metadata.annotations).toEqual({
      ...plain.spec.template.metadata.annotations,
      ...every.annotations,
    });
  });

  it("takes precedence over the request's labels in the pod, not in the Job", () => {
    const job = render({ labels: { team: "blue" } });
    expect(job.spec.template.metadata.labels).toEqual({ ...plain.spec.template.metadata.labels, team: "blue" });
    expect(job.metadata.labels.team).toBe("red");
  });
});

describe("what a template may never say", () => {
  const image = { name: "spy", image: "spy:1" };
  const cases: [template: object, field: string][] = [
    [{ hostNetwork: true }, "spec.template.spec.hostNetwork"],
    [{ hostPID: true }, "spec.template.spec.hostPID"],
    [{ initContainers: [image] }, "spec.template.spec.initContainers"],
    [{ ephemeralContainers: [image] }, "spec.template.spec.ephemeralContainers"],
    [{ volumes: [{ name: "root", hostPath: { path: "/" } }] }, "spec.template.spec.volumes"],
    [{ securityContext: { runAsUser: 0 } }, "spec.template.spec.securityContext"],
    [{ serviceAccountName: "kgents-worker" }, "spec.template.spec.serviceAccountName"],
    [{ automountServiceAccountToken: true }, "spec.template.spec.automountServiceAccountToken"],
    [{ restartPolicy: "OnFailure" }, "spec.template.spec.restartPolicy"],
    [{ runtimeClassName: "runc" }, "spec.template.spec.runtimeClassName"],
    [{ nodeName: "node" }, "spec.template.spec.nodeName"],
    [{ priorityClassName: "system-node-critical" }, "spec.template.spec.priorityClassName"],
    [{ imagePullSecrets: [{ name: "s", key: "x" }] }, "spec.template.spec.imagePullSecrets.0.key"],
    [{ affinity: { podAffinity: {} } }, "spec.template.spec.affinity.podAffinity"],
    [{ resources: { memory: 1 } }, "spec.template.spec.containers.0.resources"],
    [{ resources: { "requests.example.com/a": 1 } }, "spec.template.spec.containers.0.resources"],
    [{ labels: { "kgents.io/network": "true" } }, "spec.template.metadata.labels.kgents.io/network"],
    [{ labels: { "kgents.io/cell": "another" } }, "spec.template.metadata.labels.kgents.io/cell"],
    [{ labels: { "kgents.io/canary": "x" } }, "spec.template.metadata.labels.kgents.io/canary"],
    [{ labels: { "sidecar.istio.io/inject": "true" } }, "spec.template.metadata.labels.sidecar.istio.io/inject"],
    [{ annotations: { "kgents.io/passwd": "root" } }, "spec.template.metadata.annotations.kgents.io/passwd"],
    [
      { annotations: { "sidecar.istio.io/inject": "true" } },
      "spec.template.metadata.annotations.sidecar.istio.io/inject",
    ],
    [
      { annotations: { "k8s.v1.cni.cncf.io/networks": "n" } },
      "spec.template.metadata.annotations.k8s.v1.cni.cncf.io/networks",
    ],
  ];

  // As if the schema of the configuration had let it through.
  test.each(cases)("%j is refused after the merge", (template, field) => {
    const error = refusalOf(() => render(template as PodTemplate));
    expect(error.code).toBe("internal");
    expect(`${error.field}.`.startsWith(`${field}.`), error.message).toBe(true);
  });

  test.each(cases)("%j is refused by the configuration", (template) => {
    expect(podTemplateSchema.safeParse(template).success).toBe(false);
  });
});
