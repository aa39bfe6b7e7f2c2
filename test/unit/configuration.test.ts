import { describe, expect, it } from "vitest";
import { mergeLanguages, parseConfiguration } from "#core/configuration/configuration";
import { applyPolicy, lowerDefaults } from "#core/configuration/policy";
import { builtInLanguages, commandInImage, findLanguage, languageOfFile } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { languageOfProgram, programOfShebang } from "#core/text/shebang";
import { refusalOf } from "../support/refusal-of.ts";

const ruby = { fileName: "main.rb", image: "ruby:3.4-slim", command: ["ruby"] };

const merge = (languages: object) => mergeLanguages(builtInLanguages, parseConfiguration({ languages }));

/** Pod templates that are refused: the field below the template, and a part of the message. */
const podTemplateRefusals: readonly [template: unknown, field: string, message: string][] = [
  [[], "", "an object with any of labels, annotations, nodeSelector"],
  [{ nodeSelectors: {} }, ".nodeSelectors", "(did you mean nodeSelector?)"],
  [{ hostNetwork: true }, ".hostNetwork", "got an unknown field; allowed is one of labels, annotations, nodeSelector"],
  [{ securityContext: {} }, ".securityContext", "an unknown field"],
  [{ volumes: [] }, ".volumes", "an unknown field"],
  [{ runtimeClassName: "x" }, ".runtimeClassName", "an unknown field"],
  [{ nodeSelector: { "a b": "x" } }, ".nodeSelector.a b", 'got the name "a b"'],
  [{ nodeSelector: { a: true } }, ".nodeSelector.a", "got true"],
  [{ tolerations: [{ value: "x" }] }, ".tolerations.0", "Equal needs key"],
  [{ tolerations: [{ key: "a", operator: "Exists", value: "x" }] }, ".tolerations.0", "Exists has no value"],
  [{ tolerations: [{ key: "a", operator: "In" }] }, ".tolerations.0.operator", 'got "In"; allowed is Exists or Equal'],
  [{ tolerations: [{ key: "a", tolerationSeconds: 5 }] }, ".tolerations.0", "tolerationSeconds needs NoExecute"],
  [{ affinity: { podAffinity: {} } }, ".affinity.podAffinity", "an unknown field"],
  [
    {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "In" }] }],
          },
        },
      },
    },
    ".affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0.matchExpressions.0",
    "the values that it takes",
  ],
  [{ imagePullSecrets: ["s"] }, ".imagePullSecrets.0", 'got "s"; allowed is an object with name'],
  [{ imagePullSecrets: [{ name: "A" }] }, ".imagePullSecrets.0.name", 'got "A"'],
  [{ labels: { "kgents.io/network": "true" } }, ".labels.kgents.io/network", "not in kgents.io"],
  [{ labels: { "sidecar.istio.io/inject": "true" } }, ".labels", "none that makes another program change the pod"],
  [{ annotations: { "kgents.io/passwd": "x" } }, ".annotations.kgents.io/passwd", "not in kgents.io"],
  [{ annotations: { "k8s.v1.cni.cncf.io/networks": "x" } }, ".annotations", "change the pod or its network"],
  [{ annotations: { "io.kubernetes.cri-o.Devices": "x" } }, ".annotations", "change the pod or its network"],
  [{ annotations: { "karpenter.sh/do-not-disrupt": "false" } }, ".annotations", "change the pod or its network"],
  [{ priorityClassName: "system-node-critical" }, ".priorityClassName", "does not begin with system-"],
  [{ schedulerName: "" }, ".schedulerName", "the name of a scheduler"],
  [{ resources: { memory: 1 } }, ".resources.memory", "cpu, memory and ephemeral-storage belong to the request"],
  [{ resources: { "hugepages-2Mi": 1 } }, ".resources.hugepages-2Mi", "extended resources such as nvidia.com/gpu"],
  [{ resources: { "nvidia.com/gpu": 0 } }, ".resources.nvidia.com/gpu", "got 0; allowed is a whole number from 1"],
  [{ resources: { "nvidia.com/gpu": "1" } }, ".resources.nvidia.com/gpu", 'got "1"'],
  [
    { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "Never" }] },
    ".topologySpreadConstraints.0.whenUnsatisfiable",
    "DoNotSchedule or ScheduleAnyway",
  ],
  [
    { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", labelSelector: {} }] },
    ".topologySpreadConstraints.0.whenUnsatisfiable",
    "DoNotSchedule or ScheduleAnyway",
  ],
];

describe("parseConfiguration", () => {
  it("has a default for everything", () => {
    expect(parseConfiguration({})).toEqual({
      languages: {},
      defaults: {},
      worker: {
        backends: ["kubernetes", "subprocess"],
        taskQueue: "kgents",
        maximumCells: 10,
        limits: {},
        network: true,
        unsandboxed: false,
        packages: { allow: true, maximumBytes: 2 ** 30, maximumCacheBytes: 10 * 2 ** 30 },
        kubernetes: {
          namespace: "kgents-ephemeral",
          networkIsolation: "required",
          maximumCells: 100,
          userIds: { first: 2_013_265_920, count: 67_108_864 },
        },
      },
      operator: { networkIsolation: "required" },
      artifacts: {},
      retention: 604_800_000,
    });
  });

  it("reads the worker's maxima as numbers, and leaves defaults as requests write them", () => {
    const configuration = parseConfiguration({
      defaults: { timeout: "2m", cpu: "200m", network: true, backend: "subprocess", language: "sh" },
      worker: {
        backends: ["subprocess"],
        limits: { timeout: "5m", cpu: 2, memory: "1Gi", disk: "2Gi" },
        maximumCells: 3,
        maximumStartsPerSecond: 20,
      },
      artifacts: { directory: "/srv/kgents" },
      retention: "30d",
    });
    expect(configuration.defaults).toEqual({
      timeout: "2m",
      cpu: "200m",
      network: true,
      backend: "subprocess",
      language: "sh",
    });
    expect(configuration.worker.limits).toEqual({ timeout: 300_000, cpu: 2000, memory: 2 ** 30, disk: 2 ** 31 });
    expect(configuration.worker.maximumStartsPerSecond).toBe(20);
    expect(configuration.retention).toBe(30 * 86_400_000);
    // They must mean the same in a request as in the file.
    expect(parseRequest({ ...configuration.defaults, code: "x" })).toMatchObject({ timeout: 120_000, cpu: 200 });
  });

  it("shares no default with another configuration", () => {
    parseConfiguration({}).worker.backends.pop();
    expect(parseConfiguration({}).worker.backends).toHaveLength(2);
  });

  it.each<[unknown, string, string]>([
    [null, "configuration", "got null"],
    ["x", "configuration", "got text"],
    [[], "configuration", "got a list of 0"],
    [{ languges: {} }, "languges", "(did you mean languages?)"],
    [{ defaults: 5 }, "defaults", "got 5; allowed is an object with fields"],
    [{ defaults: { timeout: -20 } }, "defaults.timeout", "got -20; allowed is a duration from 0.1 s to 24 h"],
    [{ defaults: { cpu: "9m" } }, "defaults.cpu", "a quantity from 10m to 256 cores"],
    [{ defaults: { memory: "x" } }, "defaults.memory", 'got "x"'],
    [{ defaults: { disk: 0 } }, "defaults.disk", "got 0"],
    [{ defaults: { ttl: "8d" } }, "defaults.ttl", 'got "8d"'],
    [{ defaults: { startupTimeout: 0 } }, "defaults.startupTimeout", "got 0"],
    [{ defaults: { network: "on" } }, "defaults.network", "true or false"],
    [{ defaults: { backend: "docker" } }, "defaults.backend", "auto, kubernetes or subprocess"],
    [{ defaults: { code: "x" } }, "defaults.code", "an unknown field"],
    [{ worker: { backends: [] } }, "worker.backends", "got a list of 0"],
    [{ worker: { backends: ["auto"] } }, "worker.backends.0", 'got "auto"'],
    [{ worker: { backends: ["subprocess", "subprocess"] } }, "worker.backends", "at most once"],
    [{ worker: { taskQueue: "" } }, "worker.taskQueue", 'got ""'],
    [{ worker: { taskQueue: "a b" } }, "worker.taskQueue", "without spaces"],
    [{ worker: { maximumCells: 0 } }, "worker.maximumCells", "got 0; allowed is a whole number from 1 to 1000"],
    [{ worker: { maximumCells: 1001 } }, "worker.maximumCells", "got 1001"],
    [{ worker: { maximumCells: "3" } }, "worker.maximumCells", 'got "3"'],
    [{ worker: { limits: { timeout: "25h" } } }, "worker.limits.timeout", 'got "25h"'],
    [{ worker: { limits: { memory: "1" } } }, "worker.limits.memory", 'got "1"'],
    [{ worker: { limits: { pids: 5 } } }, "worker.limits.pids", "timeout, cpu, memory, disk"],
    [{ worker: { images: "python:3" } }, "worker.images", 'got "python:3"'],
    [{ worker: { images: ["a*b"] } }, "worker.images.0", 'got "a*b"'],
    [{ worker: { images: [""] } }, "worker.images.0", 'got ""'],
    [{ worker: { network: "no" } }, "worker.network", "true or false"],
    [{ worker: { unsandboxed: 1 } }, "worker.unsandboxed", "got 1"],
    [{ worker: { kubernetes: { namespace: "Not A Name" } } }, "worker.kubernetes.namespace", "a-z 0-9"],
    [{ worker: { kubernetes: { networkIsolation: "no" } } }, "worker.kubernetes.networkIsolation", "best-effort"],
    [{ worker: { kubernetes: { context: "" } } }, "worker.kubernetes.context", "kubeconfig"],
    ...podTemplateRefusals.map(([template, field, message]): [unknown, string, string] => [
      { worker: { kubernetes: { podTemplate: template } } },
      `worker.kubernetes.podTemplate${field}`,
      message,
    ]),
    [{ worker: { sandboxed: false } }, "worker.sandboxed", "(did you mean unsandboxed?)"],
    [{ artifacts: { directory: "" } }, "artifacts.directory", "a path"],
    [{ artifacts: { directory: "a\0" } }, "artifacts.directory", "a path"],
    [{ artifacts: { bucket: "x" } }, "artifacts.bucket", "an object with name"],
    [{ artifacts: { bucket: {} } }, "artifacts.bucket.name", "a bucket's name"],
    [{ artifacts: { bucket: { name: "No" } } }, "artifacts.bucket.name", 'got "No"'],
    [{ artifacts: { bucket: { name: "b-1", prefix: "/a/" } } }, "artifacts.bucket.prefix", "ends with /"],
    [{ artifacts: { bucket: { name: "b-1", prefix: "a" } } }, "artifacts.bucket.prefix", "ends with /"],
    [{ artifacts: { bucket: { name: "b-1", region: "EU" } } }, "artifacts.bucket.region", "a region's name"],
    [{ artifacts: { bucket: { name: "b-1", endpoint: "ftp://x" } } }, "artifacts.bucket.endpoint", "http://"],
    [{ artifacts: { bucket: { name: "b-1", expiry: "never" } } }, "artifacts.bucket.expiry", "worker or bucket"],
    [{ artifacts: { bucket: { name: "b-1", secret: "x" } } }, "artifacts.bucket.secret", "endpoint"],
    [{ artifacts: { directory: "/x", bucket: { name: "b-1" } } }, "artifacts", "not both"],
    [{ retention: "59m" }, "retention", "a duration from 1 h to 365 days"],
    [{ retention: "366d" }, "retention", 'got "366d"'],
    [{ languages: { Ruby: ruby } }, "languages.Ruby", 'got the name "Ruby"'],
    [{ languages: { "c++": ruby } }, "languages.c++", "got the name"],
    [JSON.parse('{"languages":{"__proto__":{}}}'), "languages.__proto__", "got the name"],
    [{ languages: { ruby: { ...ruby, aliases: ["RB"] } } }, "languages.ruby.aliases.0", 'got "RB"'],
    [{ languages: { ruby: { ...ruby, fileName: "a/b.rb" } } }, "languages.ruby.fileName", "without folders"],
    [{ languages: { ruby: { ...ruby, fileName: "../b.rb" } } }, "languages.ruby.fileName", 'got "../b.rb"'],
    [{ languages: { ruby: { ...ruby, extensions: [".rb"] } } }, "languages.ruby.extensions.0", "without the dot"],
    [{ languages: { ruby: { ...ruby, image: "ruby:latest" } } }, "languages.ruby.image", "not `latest`"],
    [{ languages: { ruby: { ...ruby, command: [] } } }, "languages.ruby.command", "got a list of 0"],
    [{ languages: { ruby: { ...ruby, command: "ruby" } } }, "languages.ruby.command", 'got "ruby"'],
    [{ languages: { ruby: { ...ruby, command: ["A=b"] } } }, "languages.ruby.command", "without `=`"],
    [{ languages: { ruby: { ...ruby, commands: [] } } }, "languages.ruby.commands", "(did you mean command?)"],
  ])("%#: refuses by name", (input, field, message) => {
    const error = refusalOf(() => parseConfiguration(input));
    expect(error.code).toBe("invalid-configuration");
    expect(error.field).toBe(field);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^.+: got .+; allowed is ./);
    expect(error.message).not.toMatch(/Invalid|expected|must match|Too (big|small)/);
  });
});

describe("mergeLanguages", () => {
  it("changes nothing where nothing is configured", () => {
    expect(merge({})).toEqual(builtInLanguages);
  });

  it("adds a language, found by its name, its aliases and its extensions", () => {
    const languages = merge({ ruby: { ...ruby, aliases: ["rb"], extensions: ["ru"] } });
    expect(findLanguage(languages, "RB")).toEqual({
      ...ruby,
      name: "ruby",
      aliases: ["rb"],
      extensions: ["ru", "rb"],
    });
    expect(languageOfFile(languages, "x.rb")?.name).toBe("ruby");
    expect(languageOfFile(languages, "config.RU")?.name).toBe("ruby");
  });

  it("changes what is said of a language, and keeps the rest", () => {
    const languages = merge({ python: { image: "python:3.12-slim" } });
    const python = builtInLanguages.find(({ name }) => name === "python");
    expect(findLanguage(languages, "py")).toEqual({ ...python, image: "python:3.12-slim" });
    expect(languages).toHaveLength(builtInLanguages.length);
  });

  it("lets aliases move from one language to another", () => {
    const languages = merge({
      javascript: { aliases: ["js"] },
      deno: { ...ruby, aliases: ["node"], fileName: "main.deno" },
    });
    expect(findLanguage(languages, "node").name).toBe("deno");
  });

  it.each<[object, string, string]>([
    [{ ruby: { image: "ruby:3", command: ["ruby"] } }, "languages.ruby.fileName", "needs fileName, image and command"],
    [{ ruby: { fileName: "a.rb", command: ["ruby"] } }, "languages.ruby.image", "got nothing"],
    [{ ruby: { fileName: "a.rb", image: "ruby:3" } }, "languages.ruby.command", "got nothing"],
    [{ py: { image: "python:3.12" } }, "languages.py", "got an alias of python"],
    [{ ruby: { ...ruby, aliases: ["py"] } }, "languages.ruby.aliases", 'got "py", which python has'],
    [{ ruby: { ...ruby, aliases: ["bash"] } }, "languages.ruby.aliases", 'got "bash", which bash has'],
    [{ ruby: { ...ruby, aliases: ["x", "x"] } }, "languages.ruby.aliases", 'got "x", which ruby has'],
    [{ ruby: { ...ruby, extensions: ["py"] } }, "languages.ruby.extensions", 'got "py", which python has'],
    [{ ruby: { ...ruby, fileName: "main.js" } }, "languages.ruby.extensions", 'got "js", which javascript has'],
    [{ constructor: {} }, "languages.constructor.fileName", "got nothing"],
  ])("%#: refuses what would mean two languages, or none", (languages, field, message) => {
    const error = refusalOf(() => merge(languages));
    expect(error).toMatchObject({ code: "invalid-configuration", field });
    expect(error.message).toContain(message);
  });
});

describe("applyPolicy", () => {
  const apply = (worker: object, request: ExecutionRequest) => {
    const policy = parseConfiguration({ worker }).worker;
    const spec = lowerDefaults(parseRequest({ code: "x", ...request }), request, policy);
    applyPolicy(spec, policy);
    return spec;
  };

  it.each<[object, ExecutionRequest]>([
    [{}, { timeout: "24h", cpu: 256, memory: "1Ti", disk: "1Ti", image: "any/thing:1", network: true }],
    [{ limits: { timeout: 60 } }, { timeout: 60 }],
    [{ limits: { cpu: "200m" } }, { cpu: 0.2 }],
    [{ limits: { memory: "1Gi" } }, { memory: "1024Mi" }],
    [{ limits: { disk: "1Gi" } }, { disk: 2 ** 30 }],
    [{ images: ["python:3.12"] }, { image: "python:3.12" }],
    [{ images: ["example.com/team/*"] }, { image: "example.com/team/a:1" }],
    [{ images: ["*"] }, { image: "a:1" }],
    // The languages' own images are set by the worker.
    [{ images: [] }, {}],
    [{ network: false }, { network: false }],
  ])("%#: allows", (worker, request) => {
    expect(() => apply(worker, request)).not.toThrow();
  });

  it.each<[object, ExecutionRequest, string, string]>([
    [{ limits: { timeout: 60 } }, { timeout: "60.001s" }, "timeout", "got 60.001 s; allowed is at most 60 s"],
    [{ limits: { timeout: 60 } }, { timeout: "1h" }, "timeout", "got 3600 s; allowed is at most 60 s on this worker"],
    [{ limits: { cpu: "200m" } }, { cpu: "201m" }, "cpu", "got 201m; allowed is at most 200m"],
    [{ limits: { memory: "1Gi" } }, { memory: "1025Mi" }, "memory", "got 1025Mi; allowed is at most 1Gi"],
    [{ limits: { disk: "1Gi" } }, { disk: "2Gi" }, "disk", "got 2Gi; allowed is at most 1Gi"],
    [
      { images: ["python:3.12"] },
      { image: "python:3.12-slim" },
      "image",
      "got python:3.12-slim; allowed is one of python:3.12",
    ],
    [{ images: ["a/*"] }, { image: "ab:1" }, "image", "one of a/*"],
    [{ images: [] }, { image: "a:1" }, "image", "allowed is the languages' own"],
    [{ network: false }, { network: true }, "network", "got true; allowed is false on this worker"],
  ])("%#: refuses by name, with value and maximum", (worker, request, field, message) => {
    const error = refusalOf(() => apply(worker, request));
    expect(error).toMatchObject({ code: "policy-violation", field });
    expect(error.message).toContain(message);
  });
});

it.each([
  ["what it does not name is lowered", {}, { timeout: 10_000, cpu: 500, memory: 2 ** 28 }],
  ["undefined is not named", { memory: undefined }, { memory: 2 ** 28 }],
  ["what it names stays", { memory: "128Mi", cpu: "100m" }, { timeout: 10_000, memory: 2 ** 27, cpu: 100 }],
])("a request under a worker's maxima: %s", (_, request, expected) => {
  const { worker } = parseConfiguration({ worker: { limits: { timeout: 10, cpu: "500m", memory: "256Mi" } } });
  const spec = lowerDefaults(parseRequest({ code: "x", ...request }), request, worker);
  expect(spec).toMatchObject(expected);
  expect(() => applyPolicy(spec, worker)).not.toThrow();
});

describe("findLanguage", () => {
  it.each([
    ["python", "python"],
    ["PY", "python"],
    ["shell", "sh"],
    ["bash", "bash"],
    ["node", "javascript"],
    ["ts", "typescript"],
  ])("%s is %s", (name, expected) => {
    expect(findLanguage(builtInLanguages, name).name).toBe(expected);
  });

  it.each(["", "cobol", "__proto__", "py thon", "\0"])("refuses %j with the list", (name) => {
    const error = refusalOf(() => findLanguage(builtInLanguages, name));
    expect(error).toMatchObject({ code: "unsupported-language", field: "language" });
    expect(error.message).toContain("python|py|python3, sh|shell, bash, javascript|js|node, typescript|ts");
  });

  it.each([
    ["a.py", "python"],
    ["dir.py/a.SH", "sh"],
    ["a.tar.mjs", "javascript"],
    ["a.cts", "typescript"],
    ["a.bash", "bash"],
    ["a.rb", undefined],
    ["py", undefined],
    ["a.", undefined],
    ["a.py/b", undefined],
  ])("the file %s means %s", (fileName, expected) => {
    expect(languageOfFile(builtInLanguages, fileName)?.name).toBe(expected);
  });

  it.each([
    ["#!/bin/sh", "sh", "sh"],
    ["#! /bin/bash -e\nexit", "bash", "bash"],
    ["#!/usr/bin/env python3", "python3", "python"],
    ["#!/usr/bin/env -S python3 -u\r\n", "python3", "python"],
    ["#!/usr/bin/env -Snode --no-warnings", "node", "javascript"],
    ["#!/usr/bin/env -i -u HOME A=b bash", "bash", "bash"],
    ["#!/usr/bin/python3.12", "python3.12", "python"],
    ["#!/usr/bin/python2.7", "python2.7", undefined],
    ["#!/bin/dash", "dash", "sh"],
    ["#!/bin/busybox sh", "sh", "sh"],
    ["#!/usr/bin/nodejs", "nodejs", "javascript"],
    ["#!/usr/bin/perl -w", "perl", undefined],
    ["#!", "", undefined],
    ["#!/usr/bin/env", "", undefined],
    ["#!/bin/__proto__", "__proto__", undefined],
    [" #!/bin/sh", undefined, undefined],
    ["print(1)", undefined, undefined],
  ])("a script that begins with %j is run by %j, which means %s", (text, program, expected) => {
    expect(programOfShebang(text)).toBe(program);
    expect(languageOfProgram(builtInLanguages, program ?? "")?.name).toBe(expected);
  });

  it("flags of a version go to that version's image alone", () => {
    const typescript = findLanguage(builtInLanguages, "typescript");
    expect(commandInImage(typescript, typescript.image)).toContain("--experimental-transform-types");
    expect(commandInImage(typescript, "node:26-slim")).toEqual(typescript.command);
    const { languages } = parseConfiguration({ languages: { typescript: { image: "node:26-slim" } } });
    const changed = findLanguage(mergeLanguages(builtInLanguages, { languages }), "typescript");
    expect(commandInImage(changed, "node:26-slim")).toEqual(typescript.command);
  });
});
