/** The check of an Agent: what is accepted, and what is said of each mistake. */
import { describe, expect, it } from "vitest";
import { parseAgent } from "#core/agents/agent";
import { agentOf, badAgents, goodAgents } from "../../support/agents.ts";

const linesOf = (object: unknown): string[] =>
  (parseAgent(object).issues ?? []).map(({ field, message }) => `${field}: ${message}`);

it.each(goodAgents)("accepts %s", (_, object) => {
  expect(linesOf(object)).toEqual([]);
});

it.each(badAgents)("refuses %s", (_, object, field) => {
  expect(parseAgent(object).issues?.map((issue) => issue.field)).toEqual([field]);
});

it("fills in the defaults that the API server stores, and no others", () => {
  expect(parseAgent(agentOf({ networkPolicy: {}, sidecar: {} })).agent?.spec).toEqual({
    genus: "B",
    entrypoint: "agents.b.main",
    placeholder: false,
    replicas: 1,
    port: 8080,
    networkPolicy: { allowEgress: false },
    sidecar: { enabled: false },
  });
});

it("keeps what the API server adds", () => {
  const metadata = { uid: "u", generation: 3, managedFields: [{ manager: "kgents" }], finalizers: ["x"] };
  const status = { phase: "Running", later: 1 };
  expect(parseAgent({ ...agentOf({}, metadata), status }).agent).toMatchObject({ metadata, status });
});

describe("what is said", () => {
  it("is what was given, and what is allowed", () => {
    expect(linesOf(agentOf({ replicas: 11 }))).toEqual([
      "spec.replicas: got 11; allowed is a whole number from 0 to 10",
    ]);
  });

  it("is all mistakes, those across fields too", () => {
    const spec = {
      replicas: 11,
      genus: "b",
      entrypont: "x",
      resources: { cpu: "1", memory: "x", requests: { cpu: 2 } },
    };
    const object = { ...agentOf(), kind: "Agents", spec };
    expect(linesOf(object).sort()).toEqual([
      'kind: got "Agents"; allowed is Agent',
      expect.stringMatching(/^spec.entrypoint: got nothing; allowed is one of entrypoint, command/),
      expect.stringMatching(/^spec.entrypont: got an unknown field; .* \(did you mean entrypoint\?\)$/),
      expect.stringMatching(/^spec.genus: got "b"/),
      "spec.replicas: got 11; allowed is a whole number from 0 to 10",
      expect.stringMatching(/^spec.resources.memory: got "x"/),
      "spec.resources.requests.cpu: got 2; allowed is at most the limit in cpu",
    ]);
  });

  it.each([
    [{ args: ["--token=hunter2", 3] }],
    [{ env: [{ name: "A", value: `hunter2${"x".repeat(5000)}` }] }],
    [{ config: { name: "hunter2\0" } }],
    [{ sidecar: { env: [{ name: "A", value: "hunter2\0" }] } }],
    [{ sidecar: { args: ["hunter2\0"] } }],
  ])("%#: is never what may be secret", (spec) => {
    const lines = linesOf(agentOf(spec));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("hunter2");
  });
});

describe("config", () => {
  it.each([
    ["two settings of one variable", { "log-level": 1, log_level: 2 }, "log_level"],
    ["a variable of kgents itself", { genus: "L" }, "genus"],
    ["NUL", { note: "a\0b" }, "note"],
    ["a name that JavaScript takes for its own", JSON.parse('{"__proto__": 1}'), "__proto__"],
  ])("refuses %s", (_, config, key) => {
    expect(parseAgent(agentOf({ config })).issues).toMatchObject([{ field: `spec.config.${key}` }]);
  });

  it("accepts equal names where only one is plain", () => {
    expect(linesOf(agentOf({ config: { "a-b": 1, a_b: [1], genus: {} } }))).toEqual([]);
  });

  it("holds 64 KiB", () => {
    const of = (length: number) => linesOf(agentOf({ config: { a: ["x".repeat(length)] } }));
    expect(of(65_536 - 10)).toEqual([]);
    expect(of(65_536 - 9)).toEqual([expect.stringContaining("at most 64 KiB")]);
  });
});

it.each([undefined, null, 3, [], {}, { spec: {} }])("refuses %j", (object) => {
  expect(parseAgent(object).issues).not.toEqual([]);
});
