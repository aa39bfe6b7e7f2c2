import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest, ExecutionSpec } from "#core/contract/request";
import type { Job } from "#core/manifest/job-types";
import { type JobInput, jobOfRequest } from "#core/manifest/manifest";
import { parseBytes, parseCpu } from "#core/text/quantity";

const mebibyte = 2 ** 20;

type Rest = Partial<Omit<JobInput, "shape">> & { readonly spec?: ExecutionSpec };

function render(
  request: ExecutionRequest = {},
  { spec = parseRequest({ code: "print('hello')", ...request }), ...rest }: Rest = {},
): Promise<Job> {
  const language = findLanguage(builtInLanguages, spec.language);
  return jobOfRequest(spec, language, { name: "exec-dry-run", namespace: "kgents-ephemeral", ...rest });
}

const undisturbed = {
  "karpenter.sh/do-not-disrupt": "true",
  "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
  "sidecar.istio.io/inject": "false",
};

const podOf = (job: Job) => job.spec.template.spec;
const containerOf = (job: Job) => podOf(job).containers[0];

describe("the hardened Job", () => {
  let job: Job;
  beforeAll(async () => {
    job = await render();
  });

  it.each<[string, (job: Job) => unknown, unknown]>([
    ["runAsNonRoot (container)", (it) => containerOf(it).securityContext.runAsNonRoot, true],
    ["readOnlyRootFilesystem", (it) => containerOf(it).securityContext.readOnlyRootFilesystem, true],
    ["allowPrivilegeEscalation", (it) => containerOf(it).securityContext.allowPrivilegeEscalation, false],
    ["capabilities dropped", (it) => containerOf(it).securityContext.capabilities, { drop: ["ALL"] }],
    ["network isolated by default", (it) => it.spec.template.metadata.labels["kgents.io/network"], "false"],
    ["privileged", (it) => containerOf(it).securityContext.privileged, false],
    ["seccomp (container)", (it) => containerOf(it).securityContext.seccompProfile, { type: "RuntimeDefault" }],
    ["seccomp (pod)", (it) => podOf(it).securityContext.seccompProfile, { type: "RuntimeDefault" }],
    ["runAsNonRoot (pod)", (it) => podOf(it).securityContext.runAsNonRoot, true],
    ["uid", (it) => podOf(it).securityContext.runAsUser, 2_013_265_920],
    ["gid", (it) => podOf(it).securityContext.runAsGroup, 2_013_265_920],
    ["uid (label)", (it) => it.spec.template.metadata.labels["kgents.io/user-id"], "2013265920"],
    // It would make every directory of the volumes setgid and grants nothing: all users can write their pod's volumes.
    ["no fsGroup", (it) => "fsGroup" in podOf(it).securityContext, false],
    [
      "nobody moves it or joins it",
      (it) => it.spec.template.metadata.annotations,
      expect.objectContaining(undisturbed),
    ],
    ["no service account token", (it) => podOf(it).automountServiceAccountToken, false],
    ["no service links", (it) => podOf(it).enableServiceLinks, false],
    ["restartPolicy", (it) => podOf(it).restartPolicy, "Never"],
    // Not 0: the pod would be removed from the API before its processes have ended.
    ["its node says when it has ended", (it) => podOf(it).terminationGracePeriodSeconds, 1],
    ["backoffLimit", (it) => it.spec.backoffLimit, 0],
    ["podReplacementPolicy", (it) => it.spec.podReplacementPolicy, "Failed"],
    ["one container", (it) => podOf(it).containers.length, 1],
    ["pinned image", (it) => containerOf(it).image, "python:3.13-slim"],
    ["imagePullPolicy", (it) => containerOf(it).imagePullPolicy, "IfNotPresent"],
    ["kind", (it) => [it.apiVersion, it.kind], ["batch/v1", "Job"]],
    ["name and namespace", (it) => [it.metadata.name, it.metadata.namespace], ["exec-dry-run", "kgents-ephemeral"]],
    ["no runtime class", (it) => "runtimeClassName" in podOf(it), false],
  ])("%s", (_what, read, expected) => {
    expect(read(job)).toEqual(expected);
  });

  it("has nothing of the host, and no field that loosens it", () => {
    expect(JSON.stringify(job)).not.toMatch(/host(Network|PID|IPC|Path|Port)|"add":|Unconfined|serviceAccount"/);
  });

  it("has only bounded volumes, each mounted, and writes nowhere else", () => {
    const { volumes, containers } = podOf(job);
    expect(containers[0].volumeMounts).toEqual([
      { name: "run", mountPath: "/run/kgents" },
      { name: "work", mountPath: "/work" },
      { name: "tmp", mountPath: "/tmp" },
      { name: "accounts", mountPath: "/etc/passwd", subPath: "passwd", readOnly: true },
      { name: "accounts", mountPath: "/etc/group", subPath: "group", readOnly: true },
    ]);
    expect(volumes.filter((volume) => "emptyDir" in volume)).toEqual([
      { name: "run", emptyDir: { sizeLimit: "144Mi" } },
      { name: "work", emptyDir: { sizeLimit: "100Mi" } },
      { name: "tmp", emptyDir: { sizeLimit: "100Mi" } },
    ]);
    expect(volumes.slice(3)).toEqual([{ name: "accounts", downwardAPI: expect.anything() }]);
  });

  it("has a user and a group with names, of the very id that it runs under", async () => {
    const { template } = (await render({}, { userId: 4711 })).spec;
    expect(template.spec.securityContext).toMatchObject({ runAsUser: 4711, runAsGroup: 4711 });
    expect(template.metadata.labels["kgents.io/user-id"]).toBe("4711");
    const { "kgents.io/passwd": passwd, "kgents.io/group": group } = template.metadata.annotations;
    expect(passwd).toMatch(/^root:x:0:0:(?:.*\n)+kgents:x:4711:4711:kgents:\/work:\/bin\/sh\n$/);
    expect(group).toMatch(/^root:x:0:\n(?:.*\n)+kgents:x:4711:\n$/);
  });

  it("has the labels and annotations that users of the original know", () => {
    const labels = {
      "app.kubernetes.io/part-of": "kgents",
      "app.kubernetes.io/managed-by": "kgents",
      "kgents.io/agent": "q-gent",
      "kgents.io/job-type": "ephemeral",
      "kgents.io/language": "python",
      "kgents.io/network": "false",
      "kgents.io/user-id": "2013265920",
    };
    expect(job.metadata.labels).toEqual(labels);
    expect(job.spec.template.metadata.labels).toEqual(labels);
    const hash = createHash("sha256").update("print('hello')").digest("hex");
    expect(job.metadata.annotations).toEqual({ "kgents.io/code-hash": `sha256:${hash}` });
  });

  it("is the same each time, unless a time is given", async () => {
    expect(await render()).toEqual(job);
    const dated = await render({}, { createdAt: new Date(0) });
    expect(dated.metadata.annotations["kgents.io/created-at"]).toBe("1970-01-01T00:00:00.000Z");
  });
});

describe("limits", () => {
  it.each<[ExecutionRequest, object, object]>([
    [{}, { cpu: "100m", memory: "128Mi" }, { cpu: "1", memory: "512Mi", "ephemeral-storage": "244Mi" }],
    [
      { cpu: "200m", memory: "256Mi" },
      { cpu: "100m", memory: "128Mi" },
      { cpu: "200m", memory: "256Mi" },
    ],
    [
      { cpu: 2, memory: "1.5Gi" },
      { cpu: "100m", memory: "128Mi" },
      { cpu: "2", memory: "1536Mi" },
    ],
    // Never above the limits.
    [
      { cpu: "10m", memory: "16Mi" },
      { cpu: "10m", memory: "16Mi" },
      { cpu: "10m", memory: "16Mi" },
    ],
    [{ disk: "1Gi" }, { "ephemeral-storage": "64Mi" }, { "ephemeral-storage": "1168Mi" }],
  ])("of %j", async (request, requests, limits) => {
    const { resources } = containerOf(await render(request));
    expect(resources.requests).toMatchObject(requests);
    expect(resources.limits).toMatchObject(limits);
    expect(parseCpu(resources.requests.cpu)).toBeLessThanOrEqual(parseCpu(resources.limits.cpu) ?? 0);
    for (const name of ["memory", "ephemeral-storage"] as const) {
      expect(parseBytes(resources.requests[name])).toBeLessThanOrEqual(parseBytes(resources.limits[name]) ?? 0);
    }
  });

  it("leave room for input from the artifact store, beside what the code may write", async () => {
    const artifact = (bytes: number) => ({ artifact: "a".repeat(64), bytes });
    const files = [{ name: "data", content: artifact(20 * mebibyte) }];
    const job = await render({ stdin: artifact(30 * mebibyte - 1), files });
    expect(containerOf(job).resources.limits["ephemeral-storage"]).toBe("294Mi");
    const sizes = podOf(job).volumes.flatMap((volume) => ("emptyDir" in volume ? [volume.emptyDir.sizeLimit] : []));
    expect(sizes).toEqual(["194Mi", "150Mi", "100Mi"]);
    expect(containerOf(job).command).toContain(String(150 * 1024));
  });

  it.each<[ExecutionRequest, number, number]>([
    [{}, 390, 60],
    [{ timeout: 0.1, startupTimeout: 1, ttl: 0 }, 302, 0],
    [{ timeout: "24h", startupTimeout: "1h", ttl: "7d" }, 90_300, 604_800],
    [{ ttl: "1.5s" }, 390, 2],
  ])("of time: %j", async (request, deadline, ttl) => {
    const { spec } = await render(request);
    expect([spec.activeDeadlineSeconds, spec.ttlSecondsAfterFinished]).toEqual([deadline, ttl]);
  });
});

describe("what a request changes", () => {
  it("the network label, on Job and pod", async () => {
    const job = await render({ network: true });
    expect(job.metadata.labels["kgents.io/network"]).toBe("true");
    expect(job.spec.template.metadata.labels["kgents.io/network"]).toBe("true");
  });

  it("image and language", async () => {
    expect(containerOf(await render({ image: "python:3.12" })).image).toBe("python:3.12");
    const shell = await render({ language: "shell" });
    expect(containerOf(shell).image).toBe("busybox:1.37");
    expect(shell.metadata.labels["kgents.io/language"]).toBe("sh");
  });

  it("a runtime class", async () => {
    expect(podOf(await render({}, { runtimeClassName: "gvisor" })).runtimeClassName).toBe("gvisor");
  });

  it("labels, on Job and pod", async () => {
    const job = await render(
      { labels: { team: "a", "example.com/x": "y" } },
      { labels: { "kgents.io/instance": "i" } },
    );
    const expected = { team: "a", "example.com/x": "y", "kgents.io/instance": "i" };
    expect(job.metadata.labels).toMatchObject(expected);
    expect(job.spec.template.metadata.labels).toMatchObject(expected);
  });

  it("no label of ours, even where a spec got past the door", async () => {
    const labels = {
      "kgents.io/network": "true",
      "kgents.io/agent": "evil",
      "app.kubernetes.io/managed-by": "evil",
      "kgents.io/instance": "another",
      "batch.kubernetes.io/job-name": "another",
    };
    const spec = { ...parseRequest({ code: "x" }), labels };
    const owner = { "kgents.io/instance": "ours", "kgents.io/network": "true" };
    const job = await render({}, { spec, labels: owner });
    for (const actual of [job.metadata.labels, job.spec.template.metadata.labels]) {
      expect(actual).toMatchObject({ "kgents.io/network": "false", "kgents.io/agent": "q-gent" });
      expect(actual["kgents.io/instance"]).toBe("ours");
      expect(Object.values(actual)).not.toContain("evil");
      expect(actual).not.toHaveProperty(["batch.kubernetes.io/job-name"]);
    }
  });

  it("no annotation of ours", async () => {
    const job = await render({}, { annotations: { "kgents.io/code-hash": "sha256:0", note: "a\nb" } });
    expect(job.metadata.annotations["kgents.io/code-hash"]).not.toBe("sha256:0");
    expect(job.metadata.annotations.note).toBe("a\nb");
  });

  it("nothing that could hold a secret: code, arguments, variables, stdin and files are not in it", async () => {
    const job = await render({
      code: "secret-code",
      args: ["secret-argument"],
      env: { SECRET_NAME: "secret-value" },
      stdin: "secret-stdin",
      files: [{ name: "secret-file", content: "secret-content" }],
    });
    expect(JSON.stringify(job).toLowerCase()).not.toContain("secret");
  });

  it.each<[string, ExecutionRequest]>([
    ["base64", { code: { base64: Buffer.from("héllo").toString("base64") } }],
    ["text", { code: "héllo" }],
    [
      "an entrypoint",
      {
        code: undefined,
        entrypoint: "a/b",
        files: [
          { name: "x", content: "x" },
          { name: "a/b", content: "héllo" },
        ],
      },
    ],
  ])("the hash of the code: %s", async (_what, request) => {
    const hash = createHash("sha256").update("héllo").digest("hex");
    expect((await render(request)).metadata.annotations["kgents.io/code-hash"]).toBe(`sha256:${hash}`);
  });

  it("serialises without aliases: Job and pod share no object", async () => {
    const job = await render({ labels: { a: "b" } });
    expect(job.spec.template.metadata.labels).not.toBe(job.metadata.labels);
  });
});
