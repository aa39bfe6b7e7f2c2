import { describe, expect, it } from "vitest";
import { KgentsError } from "#core/contract/error";
import { parseRequest } from "#core/contract/parse-request";
import { createPythonJob, createShellJob, JobBuilder } from "#core/manifest/job-builder";

const builder = (prefix?: string) => new JobBuilder(prefix).withCode("print('hello')");

function fieldOf(build: () => unknown): string | undefined {
  try {
    build();
  } catch (error) {
    if (error instanceof KgentsError && error.code === "invalid-request") return error.field;
    throw error;
  }
  throw new Error("accepted");
}

describe("JobBuilder", () => {
  it("builds the example of the seed", () => {
    const spec = new JobBuilder("exec")
      .withCode("print('hello')")
      .withLimits({ cpu: "200m", memory: "256Mi" })
      .withTimeout(30)
      .build();
    expect(spec.request).toEqual({ code: "print('hello')", cpu: "200m", memory: "256Mi", timeout: 30, labels: {} });
  });

  it("has a request's defaults", () => {
    const { request, namespace, name, labels, annotations } = builder().build();
    expect({ namespace, name, labels, annotations }).toEqual({
      namespace: "kgents-ephemeral",
      name: undefined,
      labels: {},
      annotations: {},
    });
    expect(parseRequest(request)).toMatchObject({
      language: "python",
      cpu: 1000,
      memory: 512 * 2 ** 20,
      disk: 100 * 2 ** 20,
      timeout: 30_000,
      ttl: 60_000,
      network: false,
    });
  });

  it.each<[string, (it: JobBuilder) => JobBuilder, object]>([
    ["code with its language", (it) => it.withCode("echo", "sh"), { code: "echo", language: "sh" }],
    ["code as base64", (it) => it.withCode({ base64: "eA==" }), { code: { base64: "eA==" } }],
    ["a language", (it) => it.withLanguage("node"), { language: "node" }],
    ["an image", (it) => it.withImage("python:3.12"), { image: "python:3.12" }],
    ["cpu", (it) => it.withLimits({ cpu: 0.5 }), { cpu: 0.5 }],
    ["memory", (it) => it.withLimits({ memory: "1Gi" }), { memory: "1Gi" }],
    ["ephemeral storage", (it) => it.withLimits({ ephemeralStorage: "200Mi" }), { disk: "200Mi" }],
    [
      "limits, one after another",
      (it) => it.withLimits({ cpu: 1 }).withLimits({ memory: "64Mi" }),
      { cpu: 1, memory: "64Mi" },
    ],
    ["limits, none", (it) => it.withLimits({}), { code: "print('hello')", labels: {} }],
    ["a timeout in seconds", (it) => it.withTimeout(5), { timeout: 5 }],
    ["a timeout with a unit", (it) => it.withTimeout("5m"), { timeout: "5m" }],
    ["a ttl", (it) => it.withTtl(0), { ttl: 0 }],
    ["the network", (it) => it.withNetwork(), { network: true }],
    ["no network", (it) => it.withNetwork().withNetwork(false), { network: false }],
    ["labels", (it) => it.withLabel("a", "1").withLabel("b", "2"), { labels: { a: "1", b: "2" } }],
    ["a label twice: the last one counts", (it) => it.withLabel("a", "1").withLabel("a", "2"), { labels: { a: "2" } }],
    ["arguments", (it) => it.withArguments(["a", "$(x)"]), { args: ["a", "$(x)"] }],
    ["variables", (it) => it.withEnvironment({ A: "1" }).withEnvironment({ B: "2" }), { env: { A: "1", B: "2" } }],
  ])("sets %s", (_what, change, expected) => {
    expect(change(builder()).build().request).toMatchObject(expected);
  });

  it("sets name, namespace and annotations", () => {
    const spec = builder().withName("job-1").withNamespace("other").withAnnotation("note", "a\nb").build();
    expect(spec).toMatchObject({ name: "job-1", namespace: "other", annotations: { note: "a\nb" } });
  });

  it("is fluent: every step returns the builder itself", () => {
    const it = builder();
    expect(it.withName("a").withTtl(1).withNetwork().withLabel("a", "b").withAnnotation("a", "b")).toBe(it);
  });

  it.each<[string, string, (it: JobBuilder) => JobBuilder]>([
    ["empty code", "code", (it) => it.withCode("")],
    ["code with a lone surrogate", "code", (it) => it.withCode("\ud800")],
    ["a negative timeout", "timeout", (it) => it.withTimeout(-20)],
    ["a timeout of nothing", "timeout", (it) => it.withTimeout(0)],
    ["a timeout that is not a number", "timeout", (it) => it.withTimeout(Number.NaN)],
    ["cpu", "cpu", (it) => it.withLimits({ cpu: "lots" })],
    ["memory", "memory", (it) => it.withLimits({ memory: "1Mi" })],
    ["ephemeral storage", "disk", (it) => it.withLimits({ ephemeralStorage: "0" })],
    ["a ttl", "ttl", (it) => it.withTtl("8d")],
    ["an image without a version", "image", (it) => it.withImage("python")],
    ["the latest image", "image", (it) => it.withImage("python:latest")],
    ["an argument with NUL", "args.0", (it) => it.withArguments(["\0"])],
    ["a variable's name", "env.A-B", (it) => it.withEnvironment({ "A-B": "" })],
    ["a label's key", "labels.a b", (it) => it.withLabel("a b", "")],
    ["a label's value", "labels.a", (it) => it.withLabel("a", "b c")],
    ["a label of ours", "labels.kgents.io/network", (it) => it.withLabel("kgents.io/network", "true")],
    ["a label that would vanish", "labels.__proto__", (it) => it.withLabel("__proto__", "x")],
    ["an annotation's key", "annotations.a b", (it) => it.withAnnotation("a b", "")],
    ["an annotation's value", "annotations.a", (it) => it.withAnnotation("a", "x".repeat(4097))],
    ["an annotation of ours", "annotations.kgents.io/code-hash", (it) => it.withAnnotation("kgents.io/code-hash", "x")],
    ["a name in upper case", "name", (it) => it.withName("Job")],
    ["a name that ends with -", "name", (it) => it.withName("job-")],
    ["a name of 64", "name", (it) => it.withName("x".repeat(64))],
    ["an empty name", "name", (it) => it.withName("")],
    ["a namespace", "namespace", (it) => it.withNamespace("a/b")],
  ])("refuses %s by name", (_what, field, change) => {
    expect(fieldOf(() => change(builder()).build())).toBe(field);
  });

  it("refuses to build without code", () => {
    expect(fieldOf(() => new JobBuilder().build())).toBe("code");
  });

  it.each(["", "Exec", "a_b", "-a", "x".repeat(41)])("refuses the prefix %j", (prefix) => {
    expect(fieldOf(() => builder(prefix).build())).toBe("prefix");
  });

  it("takes names and prefixes at their bounds", () => {
    expect(builder("x".repeat(40)).withName("x".repeat(63)).build().name).toBe("x".repeat(63));
  });

  it("checks nothing before it builds, and can be corrected after a refusal", () => {
    const it = builder().withTimeout(-20);
    expect(fieldOf(() => it.build())).toBe("timeout");
    expect(it.withTimeout(5).build().request.timeout).toBe(5);
  });

  it("freezes what it builds, to the bottom", () => {
    const spec = builder().withArguments(["a"]).withEnvironment({ A: "1" }).withLabel("a", "b").build();
    for (const part of [spec, spec.request, spec.request.args, spec.request.env, spec.request.labels, spec.labels]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("shares nothing with what it built, nor with what it was given", () => {
    const args = ["a"];
    const environment = { A: "1" };
    const it = builder().withArguments(args).withEnvironment(environment).withLabel("a", "1");
    const first = it.build();
    args.push("b");
    environment.A = "2";
    it.withLabel("a", "2").withTimeout(5).withAnnotation("x", "y");
    expect(first.request).toMatchObject({ args: ["a"], env: { A: "1" }, labels: { a: "1" } });
    expect(first.request.timeout).toBeUndefined();
    expect(first.annotations).toEqual({});
    expect(it.build().labels).toEqual({ a: "2" });
  });

  it("leaves freezing to what it built: content that was given stays as it was", () => {
    const content = { base64: "eA==" };
    new JobBuilder().withCode(content).build();
    expect(Object.isFrozen(content)).toBe(false);
  });
});

describe("toManifest", () => {
  it("names the Job after the prefix, and is the same each time", async () => {
    const job = await builder("try").toManifest();
    expect(job.metadata.name).toBe("try-dry-run");
    expect(await builder("try").toManifest()).toEqual(job);
  });

  it("renders what was set", async () => {
    const job = await builder()
      .withName("mine")
      .withNamespace("other")
      .withLabel("team", "a")
      .withAnnotation("note", "b")
      .withNetwork()
      .withTimeout(90)
      .withTtl(5)
      .withImage("python:3.12")
      .toManifest();
    expect(job.metadata).toMatchObject({
      name: "mine",
      namespace: "other",
      labels: { team: "a", "kgents.io/network": "true" },
      annotations: { note: "b" },
    });
    expect(job.spec).toMatchObject({ activeDeadlineSeconds: 450, ttlSecondsAfterFinished: 5 });
    expect(job.spec.template.spec.containers[0].image).toBe("python:3.12");
  });

  it("refuses what build refuses, and languages that it does not know", async () => {
    await expect(builder().withTimeout(-1).toManifest()).rejects.toMatchObject({
      code: "invalid-request",
      field: "timeout",
    });
    await expect(builder().withLanguage("cobol").toManifest()).rejects.toMatchObject({
      code: "unsupported-language",
      message: expect.stringContaining("python|py|python3"),
    });
  });

  it("knows the languages it is given", async () => {
    const ruby = {
      name: "ruby",
      aliases: [],
      fileName: "main.rb",
      extensions: ["rb"],
      image: "ruby:3",
      command: ["ruby"],
    };
    const job = await builder().withLanguage("ruby").toManifest([ruby]);
    expect(job.metadata.labels["kgents.io/language"]).toBe("ruby");
  });
});

describe("the short ways", () => {
  it("createPythonJob", () => {
    expect(createPythonJob("print(1)").request).toMatchObject({ code: "print(1)", language: "python", network: false });
  });

  it("createShellJob", () => {
    expect(createShellJob("echo hi").request).toMatchObject({ code: "echo hi", language: "sh" });
  });

  it("take options", () => {
    const spec = createPythonJob("x", {
      name: "a",
      timeout: "5s",
      cpu: 1,
      memory: "64Mi",
      ephemeralStorage: "5Mi",
      network: true,
    });
    expect(spec.name).toBe("a");
    expect(spec.request).toMatchObject({ timeout: "5s", cpu: 1, memory: "64Mi", disk: "5Mi", network: true });
  });

  it("refuse by name", () => {
    expect(fieldOf(() => createPythonJob(""))).toBe("code");
    expect(fieldOf(() => createShellJob("x", { timeout: -1 }))).toBe("timeout");
    expect(fieldOf(() => createShellJob("x", { prefix: "X" }))).toBe("prefix");
  });
});
