/** Which Jobs, pods and user ids count as a run's own. */
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect, it, test } from "vitest";
import type { ObservedPod } from "#cells/kubernetes/api/observed-cell";
import { checkServerVersion } from "#cells/kubernetes/api/server-version";
import { toV1Job } from "#cells/kubernetes/api/v1-job";
import { classifyPinned, podsOfCell, podsOfJob } from "#cells/kubernetes/cell/pin";
import { hasSpecOf, isJobOf } from "#cells/kubernetes/cell/same-job";
import { userIdOf } from "#cells/kubernetes/cell/user-ids";
import { shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import { defaultUserIds } from "#core/manifest/cell-user";
import { cellLabel, instanceLabel, runIdAnnotation, workflowIdAnnotation } from "#core/manifest/cluster-names";
import { renderJob } from "#core/manifest/manifest";

const cellId = "kgents-0123456789abcdef0123";
const owner = { workflowId: "w", runId: "r" };

const wanted = toV1Job(
  renderJob({
    name: cellId,
    namespace: "kgents-ephemeral",
    shape: shapeOf(parseRequest({ code: "1", memory: "1.5Gi", cpu: 1.5 }), findLanguage(builtInLanguages, "python")),
    labels: { [instanceLabel]: "mine", [cellLabel]: cellId },
    annotations: { [workflowIdAnnotation]: "w", [runIdAnnotation]: "r" },
  }),
);

/** Sets the value at a path, or removes it. */
function put(root: object, path: string, value: unknown): void {
  const words = path.split(" ");
  const last = words.pop() ?? "";
  const target = words.reduce<object>((at, word) => Reflect.get(at, word), root);
  if (value === undefined) Reflect.deleteProperty(target, last);
  else Reflect.set(target, last, value);
}

type Changes = Readonly<Record<string, unknown>>;
const pod = "spec template spec";
const container = `${pod} containers 0`;
const controller = { "batch.kubernetes.io/controller-uid": "5a122345" };

/** The defaults that a server of version 1.34 adds. */
const filledIn: Changes = {
  "spec suspend": false,
  "spec completions": 1,
  "spec completionMode": "NonIndexed",
  "spec parallelism": 1,
  "spec manualSelector": false,
  "spec selector": { matchLabels: controller },
  "spec template metadata labels batch.kubernetes.io/controller-uid": "5a122345",
  [`${pod} dnsPolicy`]: "ClusterFirst",
  [`${pod} schedulerName`]: "default-scheduler",
  [`${container} terminationMessagePath`]: "/dev/termination-log",
  [`${container} terminationMessagePolicy`]: "File",
  [`${pod} volumes 3 downwardAPI defaultMode`]: 420,
  [`${pod} volumes 3 downwardAPI items 0 fieldRef apiVersion`]: "v1",
  [`${pod} volumes 3 downwardAPI items 1 fieldRef apiVersion`]: "v1",
};

/** The Job as the server returns it. */
function asServer(changes: Changes = {}): V1Job {
  const job = structuredClone(wanted);
  for (const [path, value] of Object.entries({ ...filledIn, ...changes })) put(job, path, value);
  return job;
}

describe("a Job of the wanted name is adopted", () => {
  const limits = { cpu: "1.5", memory: "1610612736", "ephemeral-storage": "244Mi" };
  it.each<[string, Changes]>([
    ["as the server has it", {}],
    ["with quantities in another notation", { [`${container} resources limits`]: limits }],
    [
      "where administrators say where cells run",
      {
        [`${pod} tolerations`]: [{ operator: "Exists" }],
        [`${pod} nodeSelector`]: { pool: "cells" },
        [`${pod} priorityClassName`]: "low",
      },
    ],
    ["with labels of others", { "spec template metadata labels team": "x" }],
    ["with annotations of others", { "spec template metadata annotations note": "x" }],
  ])("%s", (_what, changes) => {
    expect(hasSpecOf(asServer(changes), wanted)).toBe(true);
  });
});

describe("it is not adopted", () => {
  const secret = { name: "work", secret: { secretName: "s" } };
  it.each<[string, Changes]>([
    ["with another command", { [`${container} command 2`]: "cat /work/*" }],
    ["with another image", { [`${container} image`]: "mine:1" }],
    ["with another user", { [`${pod} securityContext runAsUser`]: 1000 }],
    ["with a container more", { [`${pod} containers 1`]: { name: "spy", image: "mine:1" } }],
    ["with an init container", { [`${pod} initContainers`]: [{ name: "spy", image: "mine:1" }] }],
    ["with a volume of another kind", { [`${pod} volumes 1`]: secret }],
    ["with a volume more", { [`${pod} volumes 4`]: secret }],
    ["with the host's network", { [`${pod} hostNetwork`]: true }],
    ["with a service account", { [`${pod} serviceAccountName`]: "kgents-worker" }],
    ["with a token", { [`${pod} automountServiceAccountToken`]: true }],
    ["with environment", { [`${container} env`]: [{ name: "LD_PRELOAD", value: "x" }] }],
    ["with a hook", { [`${container} lifecycle`]: { postStart: { exec: { command: ["sh"] } } } }],
    ["with another runtime", { [`${pod} runtimeClassName`]: "gvisor" }],
    ["in parallel", { "spec parallelism": 2 }],
    ["with retries", { "spec backoffLimit": 6 }],
    ["with the network opened", { "spec template metadata labels kgents.io/network": "true" }],
    ["with other accounts", { "spec template metadata annotations kgents.io/passwd": "root::0:0::/:/bin/sh" }],
    ["by a server before 1.29, which drops podReplacementPolicy", { "spec podReplacementPolicy": undefined }],
    ["without a spec", { spec: undefined }],
  ])("%s", (_what, changes) => {
    expect(hasSpecOf(asServer(changes), wanted)).toBe(false);
  });

  it.each<[string, Changes]>([
    ["of another instance", { [`metadata labels ${instanceLabel}`]: "theirs" }],
    ["of another run", { [`metadata annotations ${runIdAnnotation}`]: "s" }],
    ["of another name", { "metadata name": "other" }],
    ["of no cell", { [`metadata labels ${cellLabel}`]: undefined }],
  ])("%s", (_what, changes) => {
    expect(isJobOf(asServer(), { cellId, owner }, "mine")).toBe(true);
    expect(isJobOf(asServer(changes), { cellId, owner }, "mine")).toBe(false);
  });
});

describe("a Job with a template", () => {
  const withTemplate = toV1Job(
    renderJob({
      name: cellId,
      namespace: "kgents-ephemeral",
      shape: shapeOf(parseRequest({ code: "1" }), findLanguage(builtInLanguages, "python")),
      podTemplate: {
        nodeSelector: { pool: "cells" },
        priorityClassName: "low",
        schedulerName: "mine",
        labels: { team: "x" },
        annotations: { note: "y" },
        imagePullSecrets: [{ name: "registry" }],
        tolerations: [{ key: "cells", operator: "Exists" }],
        affinity: { nodeAffinity: {} },
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }],
        resources: { "nvidia.com/gpu": 1000 },
      },
    }),
  );
  const stored = (changes: Changes = {}): V1Job => {
    const job = structuredClone(withTemplate);
    for (const [path, value] of Object.entries({ ...filledIn, [`${pod} schedulerName`]: "mine", ...changes })) {
      put(job, path, value);
    }
    return job;
  };
  const gpu = (part: "requests" | "limits") => `${container} resources ${part} nvidia.com/gpu`;

  it.each<[string, Changes]>([
    ["as rendered", {}],
    ["with the quantity as the server writes it", { [gpu("requests")]: "1k", [gpu("limits")]: "1k" }],
    ["with a label of nodes more", { [`${pod} nodeSelector zone`]: "a" }],
    [
      "with a toleration more, before ours",
      { [`${pod} tolerations`]: [{ key: "a" }, { key: "cells", operator: "Exists" }] },
    ],
    ["with a pull secret more", { [`${pod} imagePullSecrets 1`]: { name: "mirror" } }],
    ["with a pod affinity", { [`${pod} affinity podAffinity`]: {} }],
    ["with the priority of its class", { [`${pod} priority`]: 10 }],
  ])("is adopted %s", (_what, changes) => {
    expect(hasSpecOf(stored(changes), withTemplate)).toBe(true);
  });

  it.each<[string, Changes]>([
    ["on other nodes", { [`${pod} nodeSelector pool`]: "others" }],
    ["without the toleration", { [`${pod} tolerations`]: [{ key: "other" }] }],
    ["with a toleration of more", { [`${pod} tolerations`]: [{ operator: "Exists" }] }],
    ["without the secret", { [`${pod} imagePullSecrets`]: undefined }],
    ["with another priority", { [`${pod} priorityClassName`]: "high" }],
    ["with another scheduler", { [`${pod} schedulerName`]: "default-scheduler" }],
    ["with another label", { "spec template metadata labels team": "z" }],
    ["with fewer devices", { [gpu("limits")]: "1" }],
    ["without devices", { [gpu("limits")]: undefined, [gpu("requests")]: undefined }],
    ["with other devices", { [`${container} resources limits example.com/other`]: "1" }],
  ])("is not adopted %s", (_what, changes) => {
    expect(hasSpecOf(stored(changes), withTemplate)).toBe(false);
  });
});

describe("pods", () => {
  const running = { containerStatuses: [{ name: "cell", state: { running: {} } }] };
  const pod = (uid: string, owned?: { name: string; uid: string }): ObservedPod => ({
    metadata: {
      name: `pod-${uid}`,
      uid,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(owned && { ownerReferences: [{ kind: "Job", ...owned }] }),
    },
    status: running,
  });
  const own = pod("p1", { name: cellId, uid: "j1" });
  const forged = pod("p2");
  const foreign = pod("p3", { name: "other", uid: "j2" });
  const second = pod("p4", { name: cellId, uid: "j1" });
  const state = (pods: ObservedPod[], podUid?: string) =>
    classifyPinned({ job: null, pods, events: [] }, { jobUid: "j1", podUid }, new Date());

  it("are a cell's where its own Job made them, whatever their labels say", () => {
    expect(podsOfJob([own, forged, foreign], "j1")).toEqual([own]);
    expect(podsOfCell([own, forged, foreign], cellId)).toEqual([own]);
    expect(state([forged, foreign, own])).toMatchObject({ state: "running", pod: "pod-p1", podUid: "p1" });
    expect(state([forged, foreign])).toMatchObject({ state: "failed", kind: "cell-deleted" });
  });

  it("that have been given code are not replaced", () => {
    expect(state([own, second], "p1")).toMatchObject({ state: "running", podUid: "p1" });
    expect(state([second], "p1")).toMatchObject({ state: "failed", kind: "cell-deleted" });
  });
});

test("a cell tries user ids of the range, the same each time, and another each time that one is taken", () => {
  const ids = Array.from({ length: 100 }, (_, round) => userIdOf(cellId, round, defaultUserIds));
  expect(ids).toEqual(Array.from({ length: 100 }, (_, round) => userIdOf(cellId, round, defaultUserIds)));
  expect(new Set(ids).size).toBe(100);
  const narrow = Array.from({ length: 100 }, (_, round) => userIdOf(cellId, round, { first: 5000, count: 100 }));
  for (const id of narrow) expect(id >= 5000 && id < 5100, `${id}`).toBe(true);
  expect(Math.max(...ids)).toBeLessThan(defaultUserIds.first + defaultUserIds.count);
  expect(Math.min(...ids)).toBeGreaterThanOrEqual(defaultUserIds.first);
});

test.each([
  ["v1.29.0", true],
  ["v1.34.2", true],
  ["v2.0.0", true],
  ["v1.30.1+k3s1", true],
  ["1.31", true],
  ["unknown", true],
  ["v1.28.15", false],
  ["v1.28.3-gke.1200", false],
  ["v0.18.2", false],
])("a server of version %s can be used: %s", (version, usable) => {
  if (usable) expect(() => checkServerVersion(version)).not.toThrow();
  else expect(() => checkServerVersion(version)).toThrow(/a second time/);
});
