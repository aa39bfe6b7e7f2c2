/** What an apply makes of the server's words, and what a status means for somebody who waits. */
import { describe, expect, test } from "vitest";
import { readApiField } from "#client/agents/cluster/api-field";
import { standingOf } from "#client/agents/cluster/standing";
import { withBlock } from "#client/agents/generated/hook-script";
import { compareAgents, knownAgents } from "#client/agents/specs/known-agents";
import { asPlaceholder } from "#client/agents/specs/placeholder";
import { readSpec, type WrittenAgent } from "#client/agents/specs/spec-file";
import type { Agent, AgentStatus } from "#core/agents/agent";

test.each([
  [".spec.replicas", ["spec", "replicas"]],
  ["spec.env[0].name", ["spec", "env", 0, "name"]],
  ['.spec.env[name="A"].value', ["spec", "env"]],
  ["metadata.labels[kgents.io/x]", ["metadata", "labels"]],
  ["spec.networkPolicy.allowedPeers[11]", ["spec", "networkPolicy", "allowedPeers", 11]],
  ["", []],
])("the field %j of the API server", (field, path) => expect(readApiField(field)).toEqual(path));

const agent = (status: AgentStatus | undefined, metadata: Partial<Agent["metadata"]> = {}): Agent =>
  ({
    ...{ apiVersion: "kgents.io/v1", kind: "Agent", spec: { genus: "B" } },
    metadata: { name: "x", generation: 2, ...metadata },
    ...(status && { status }),
  }) as Agent;

const condition = (type: string, status: "True" | "False" | "Unknown", reason: string, observedGeneration = 2) => ({
  ...{ type, status, reason, observedGeneration },
  message: `about ${reason}`,
  lastTransitionTime: "2026-01-01T00:00:00Z",
});

test.each<[string, Agent, object]>([
  ["no status yet", agent(undefined), { state: "waiting", reason: "NotObserved" }],
  [
    "the status of an earlier generation",
    agent({ observedGeneration: 1, conditions: [condition("Ready", "True", "Available", 1)] }),
    { state: "waiting", reason: "NotObserved" },
  ],
  [
    "a condition of an earlier generation",
    agent({ observedGeneration: 2, conditions: [condition("Ready", "True", "Available", 1)] }),
    { state: "waiting", reason: "NotObserved" },
  ],
  [
    "ready",
    agent({ observedGeneration: 2, conditions: [condition("Ready", "True", "Available")] }),
    { state: "ready", reason: "Available", message: "about Available" },
  ],
  [
    "a placeholder",
    agent({ observedGeneration: 2, conditions: [condition("Ready", "True", "Placeholder")] }),
    { state: "ready", reason: "Placeholder" },
  ],
  [
    "may still become ready",
    agent({ observedGeneration: 2, conditions: [condition("Ready", "False", "ImagePull")] }),
    { state: "waiting", reason: "ImagePull", message: "about ImagePull" },
  ],
  [
    "will not become ready",
    agent({ observedGeneration: 2, conditions: [condition("Ready", "False", "ProgressDeadlineExceeded")] }),
    { state: "failed", reason: "ProgressDeadlineExceeded" },
  ],
  [
    "not accepted, while the earlier generation is ready",
    agent({
      observedGeneration: 2,
      conditions: [condition("Accepted", "False", "InvalidConfig"), condition("Ready", "True", "Available")],
    }),
    { state: "failed", reason: "InvalidConfig" },
  ],
  ["changed by somebody else", agent(undefined, { generation: 3 }), { state: "failed", reason: "Superseded" }],
  [
    "being deleted",
    agent(undefined, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    { state: "failed", reason: "Terminating" },
  ],
])("standing: %s", (_, found, expected) => expect(standingOf(found, 2)).toMatchObject(expected));

describe("what a watch makes of changed files", () => {
  const written = (file: string, name: string, more = ""): WrittenAgent => {
    const reading = readSpec(file, `---\ngenus: B\nname: ${name}\nentrypoint: a\n${more}---\n`);
    if (reading.kind !== "agent") throw new Error(`${file} describes no Agent`);
    return reading;
  };
  const known = knownAgents([written("a.md", "a"), written("b.md", "b")]);
  const mistake = (file: string) => ({ file, line: 1, column: 1, field: "", message: "broken" });

  test.each<[string, WrittenAgent[], string[], Record<"changed" | "unchanged" | "gone", string[]>]>([
    ["nothing", [written("a.md", "a"), written("b.md", "b")], [], { changed: [], unchanged: ["a", "b"], gone: [] }],
    [
      "another field, and a new file",
      [written("a.md", "a", "replicas: 2\n"), written("b.md", "b"), written("c.md", "c")],
      [],
      { changed: ["a", "c"], unchanged: ["b"], gone: [] },
    ],
    [
      "a renamed file",
      [written("x.md", "a"), written("b.md", "b")],
      [],
      { changed: [], unchanged: ["a", "b"], gone: [] },
    ],
    ["a removed file", [written("b.md", "b")], [], { changed: [], unchanged: ["b"], gone: ["a"] }],
    [
      "another name",
      [written("a.md", "n"), written("b.md", "b")],
      [],
      { changed: ["n"], unchanged: ["b"], gone: ["a"] },
    ],
    ["a broken file", [written("b.md", "b")], ["a.md"], { changed: [], unchanged: ["b"], gone: [] }],
    [
      "renamed and broken",
      [written("b.md", "b", "port: 9000\n")],
      ["x.md"],
      { changed: ["b"], unchanged: [], gone: [] },
    ],
    [
      "two files with one name: the second is a mistake",
      [written("a.md", "a", "replicas: 2\n"), written("b.md", "a", "replicas: 3\n")],
      ["b.md"],
      { changed: ["a"], unchanged: [], gone: [] },
    ],
  ])("%s", (_, agents, broken, expected) => {
    const changes = compareAgents(known, { agents, skipped: [], mistakes: broken.map(mistake) });
    const names = (found: readonly WrittenAgent[]) => found.map(({ agent: { metadata } }) => metadata.name);
    expect({
      changed: names(changes.changed),
      unchanged: names(changes.unchanged),
      gone: names(changes.gone),
    }).toEqual(expected);
  });

  test("a file without an Agent keeps the one that it described: an editor may have emptied it to write it", () => {
    const changes = (skipped: string[]) =>
      compareAgents(known, { agents: [written("b.md", "b")], skipped, mistakes: [] });
    expect(changes(["README.md", "a.md"]).gone).toEqual([]);
    expect(changes(["README.md"]).gone).toMatchObject([{ file: "a.md" }]);
  });
});

test("a placeholder needs no program, and has none", () => {
  const text = (more: string) => `---\ngenus: B\nname: x\n${more}---\n`;
  expect(readSpec("x.md", text("")).kind).toBe("mistakes");
  const sidecar = "sidecar: { enabled: true, image: 'x:1', command: [x] }\n";
  for (const more of ["", "entrypoint: a.b\nargs: [c]\n", "command: [a]\nprobe: { path: / }\n", sidecar]) {
    expect(readSpec("x.md", text(more), asPlaceholder)).toMatchObject({
      kind: "agent",
      agent: { spec: { genus: "B", placeholder: true } },
    });
  }
});

test("the block of a hook is replaced, and nothing else", () => {
  const [one, two] = ["a", "b"].map((output) => ({ specDirectory: "spec/agents", output }));
  const textOf = (existing: string | undefined, directories = one): string => {
    const hook = withBlock(existing, directories as NonNullable<typeof one>);
    if ("refused" in hook) throw new Error(hook.refused);
    return hook.text;
  };
  const alone = textOf(undefined);
  expect(textOf(alone)).toBe(alone);
  expect(textOf(alone, two)).toBe(alone.replace("--output 'a'", "--output 'b'"));
  const others = textOf("#!/bin/bash\nfirst\nlast\n");
  expect(others.split("\n").at(0)).toBe("#!/bin/bash");
  expect(others.endsWith("first\nlast\n")).toBe(true);
  expect(textOf(others, two)).toBe(others.replace("--output 'a'", "--output 'b'"));
});
