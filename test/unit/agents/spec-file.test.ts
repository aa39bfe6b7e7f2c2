/** Spec files: what each says, and the place of each mistake. */
import { describe, expect, test } from "vitest";
import { readAgents } from "#client/agents/specs/agent-file";
import { readSpec } from "#client/agents/specs/spec-file";
import { mistakeInWords } from "#client/agents/specs/spec-mistake";

const read = (text: string) => readSpec("spec/agents/x.md", text);

/** What is wrong with a spec file, one line each. */
function mistakesOf(text: string): string[] {
  const reading = read(text);
  return reading.kind === "mistakes" ? reading.mistakes.map(mistakeInWords) : [reading.kind];
}

/** Three lines without a mistake: the next one is line 5 of the file. */
const good = "genus: B\nname: x\nentrypoint: a.b\n";
const fenced = (yaml: string): string => `---\n${yaml}---\n`;

/** Front matter, and how each line about it begins after `spec/agents/x.md:`. */
const wrong: [frontMatter: string, ...begins: string[]][] = [
  // Fields that are missing or unknown.
  ["name: x\nentrypoint: a.b\n", "2:1: genus: got nothing; allowed is "],
  ["genus: B\nentrypoint: a.b\n", "2:1: name: got nothing; allowed is "],
  ["genus: B\nname: x\n", "2:1: entrypoint: got nothing; allowed is one of entrypoint, command and placeholder"],
  ["\n# said later\ngenus: B\nname: x\n", "4:1: entrypoint: got nothing"],
  [`${good}replica: 3\n`, "5:1: replica: got an unknown field; allowed is one of name, namespace, labels, "],
  [`nmae: y\n${good}`, "2:1: nmae: got an unknown field"],
  [`${good}spec: {}\n`, "5:1: spec: got an unknown field"],
  [`${good}__proto__: 1\n`, "5:1: __proto__: got an unknown field"],
  [`${good}<<: { replicas: 2 }\n`, "5:1: <<: got an unknown field"],
  [
    `${good}state: { sise: 1Gi }\n`,
    "5:10: state.sise: got an unknown field; allowed is one of size (did you mean size?)",
  ],
  // Values.
  ["genus: b\nname: x\nentrypoint: a.b\n", '2:8: genus: got "b"; allowed is '],
  ["genus:\nname: x\nentrypoint: a.b\n", "2:7: genus: got null; allowed is "],
  ["genus: B\nname: 3\nentrypoint: a.b\n", "3:7: name: got 3; allowed is "],
  ["genus: B\nname: 9-gent\nentrypoint: a.b\n", '3:7: name: got "9-gent"; allowed is '],
  ["genus: B\nname: 'B gent'\nentrypoint: a.b\n", '3:7: name: got "b gent"; allowed is '],
  [`genus: B\nname: ${"x".repeat(51)}\nentrypoint: a.b\n`, "3:7: name: got "],
  [`${good}namespace: X_Y\n`, '5:12: namespace: got "X_Y"; allowed is 1 to 63 of a-z 0-9 -'],
  [`${good}namespace: 7\n`, "5:12: namespace: got 7; allowed is "],
  [`${good}labels: { team: 1 }\n`, "5:17: labels.team: got 1; allowed is "],
  [`${good}labels: red\n`, '5:9: labels: got "red"; allowed is '],
  [`${good}labels:\n  "two words": red\n`, "6:16: labels.two words: "],
  [`${good}annotations:\n  on-call: true\n`, "6:12: annotations.on-call: got true; allowed is text"],
  [`${good}replicas: 11\n`, "5:11: replicas: got 11; allowed is a whole number from 0 to 10"],
  [`${good}replicas:   -1\n`, "5:13: replicas: got -1; allowed is "],
  [`${good}replicas: "3"\n`, '5:11: replicas: got "3"; allowed is '],
  [`${good}replicas: 1.5 # a half\n`, "5:11: replicas: got 1.5; allowed is "],
  [`${good}image: python\n`, '5:8: image: got "python"; allowed is '],
  [`${good}image: python:latest\n`, '5:8: image: got "python:latest"; allowed is '],
  [`${good}port: 80\n`, "5:7: port: got 80; allowed is "],
  [`${good}placeholder: yes\n`, '5:14: placeholder: got "yes"; allowed is true or false'],
  [`${good}command: [sh]\n`, "5:10: command: got a list of 1; allowed is either entrypoint or command"],
  ["genus: B\nname: x\ncommand: sh\n", "4:10: command: got text of 2 bytes; allowed is "],
  ["genus: B\nname: x\ncommand: [sh, 1]\n", "4:15: command[1]: got a number; allowed is "],
  ["genus: B\nname: x\nentrypoint: a/b\n", '4:13: entrypoint: got "a/b"; allowed is '],
  [`${good}probe: { path: healthz }\n`, '5:16: probe.path: got "healthz"; allowed is '],
  [`${good}updateStrategy: OnDelete\n`, '5:17: updateStrategy: got "OnDelete"; allowed is '],
  [`${good}resources:\n  cpu: much\n`, '6:8: resources.cpu: got "much"; allowed is '],
  [`${good}resources: { cpu: 1, requests: { cpu: 2 } }\n`, "5:39: resources.requests.cpu: got 2; allowed is "],
  [`${good}sidecar: true\n`, "5:10: sidecar: got true; allowed is an object with "],
  [
    `${good}sidecar: { enabled: true }\n`,
    "5:10: sidecar.image: got nothing; allowed is ",
    "5:10: sidecar.command: got nothing; allowed is ",
  ],
  [`${good}networkPolicy:\n  allowedPeers: [L, f]\n`, '6:21: networkPolicy.allowedPeers[1]: got "f"; allowed is '],
  [`${good}networkPolicy:\n  allowedPeers:\n    - L\n    - L\n`, "8:7: networkPolicy.allowedPeers[1]: got "],
  [`${good}env: { A: b }\n`, "5:6: env: got an object with 1 field; allowed is "],
  [`${good}env:\n  - name: A\n    value: 1\n`, "7:12: env[0].value: got a number; allowed is text "],
  [`${good}env: [{ name: KGENTS_X, value: s3cret }]\n`, '5:15: env[0].name: got "KGENTS_X"; allowed is '],
  [`${good}config: { log-level: a, log_level: b }\n`, "5:36: config.log_level: got text of 1 byte; allowed is "],
  [`${good}instructions: body\n`, "5:15: instructions: got body; there is no text below the front matter"],
  [
    "genus: b\nname: x\nreplicas: 11\nport: 1\nentrypoint: a.b\nx: 1\n",
    '2:8: genus: got "b"',
    "4:11: replicas: got 11",
    "5:7: port: got 1;",
    "7:1: x: got an unknown field",
  ],
  // The form of the YAML.
  [`${good}genus: C\n`, "5:1: genus: the field is there twice; allowed is once"],
  [`${good}replicas: 99\n"name": y\n`, "5:11: replicas: got 99", "6:1: name: the field is there twice"],
  [`${good}state: { size: 1Gi, size: 2Gi }\n`, "5:21: size: the field is there twice; allowed is once"],
  [`${good}state:\n\tsize: 1Gi\n`, "6:1: tabs cannot indent YAML: use spaces"],
  [`${good}  replicas: 3\n`, "4:13: got a field in the middle of a value: check the indentation"],
  [`${good}description: one: two\n`, "5:14: got a field in the middle of a value"],
  [`${good}description: 'open\n`, "6:1: a quote ' is not closed"],
  [`${good}description: @home\n`, "5:14: Plain value cannot start with reserved character @"],
  [`${good}state: { size: 1Gi\n`, "6:1: Flow map in block collection"],
  [`${good}replicas\n`, "5:1: got a line without `:`; allowed is `field: value`"],
  [`${good}? [a]\n: 1\n`, "5:3: got a list or an object as a key; allowed is text"],
  [`${good}config: !!set { x }\n`, "5:9: tags (`!...`) are not supported: write plain values"],
  [`%YAML 1.1\n${good}`, "3:1: directives (`%...`) are not supported"],
  [`${good}...\ngenus: C\n`, "6:1: got a second YAML document; allowed is one"],
  ["- genus: B\n", "2:1: got no fields; allowed is a line for each field, such as `genus: B`"],
  ["", "1:1: the front matter is empty"],
  ["# later\n", "1:1: the front matter is empty"],
  // What JSON cannot hold.
  [`${good}config: { a: .nan }\n`, "5:14: got .nan; allowed is a finite number"],
  [`${good}config: { id: 12345678901234567890 }\n`, "5:15: got 12345678901234567890, which is not exact as a number"],
  [`${good}config: { a: *none }\n`, "5:14: the alias *none has no anchor &none before it"],
];

test("there are at least 60 wrong spec files", () => expect(wrong.length).toBeGreaterThanOrEqual(60));

test.each(wrong)("%j", (frontMatter, ...begins) => {
  const lines = mistakesOf(fenced(frontMatter));
  expect(lines.map((line, index) => line.slice(0, `spec/agents/x.md:${begins[index]}`.length))).toEqual(
    begins.map((begin) => `spec/agents/x.md:${begin}`),
  );
});

describe("bounds", () => {
  const padded = (bytes: number): string => fenced(`${good}#${"x".repeat(bytes - good.length - 2)}\n`);

  test("front matter has at most 64 KiB", () => {
    expect(read(padded(65_536)).kind).toBe("agent");
    expect(mistakesOf(padded(65_537))).toEqual([
      "spec/agents/x.md:1:1: got front matter of 65537 bytes; allowed are 65536",
    ]);
  });

  test("aliases expand to at most 100 values", () => {
    const aliases = (count: number): string =>
      fenced(`${good}config:\n  a: &a one\n  b: [${Array.from({ length: count }, () => "*a").join(", ")}]\n`);
    expect(read(aliases(99)).kind).toBe("agent");
    expect(mistakesOf(aliases(101))).toEqual([
      "spec/agents/x.md:7:7: the aliases expand to more than 100 values; allowed are 100",
    ]);
  });

  test("aliases of aliases count by what they expand to", () => {
    const ten = (name: string): string => `[${Array.from({ length: 10 }, () => `*${name}`).join(", ")}]`;
    const [line] = mistakesOf(
      fenced(`${good}config:\n  a: &a [1]\n  b: &b ${ten("a")}\n  c: &c ${ten("b")}\n  d: ${ten("c")}\n`),
    );
    expect(line).toBe("spec/agents/x.md:7:10: the aliases expand to more than 100 values; allowed are 100");
  });

  test("instructions have at most 64 Ki characters, also from below the front matter", () => {
    const body = (characters: number): string => `${fenced(`${good}instructions: body\n`)}${"x".repeat(characters)}`;
    expect(read(body(65_536)).kind).toBe("agent");
    expect(mistakesOf(body(65_537))[0]).toMatch(/^spec\/agents\/x\.md:5:15: instructions: got text of 65537 bytes; /);
  });
});

describe("line ends, byte order mark and fences", () => {
  const agent = { apiVersion: "kgents.io/v1", kind: "Agent", metadata: { name: "x" } };
  const spec = { genus: "B", entrypoint: "a.b" };

  test.each([
    ["CRLF", fenced(good).replaceAll("\n", "\r\n")],
    ["a byte order mark", `\u{feff}${fenced(good)}`],
    ["both", `\u{feff}${fenced(good)}`.replaceAll("\n", "\r\n")],
    ["blanks behind the fences", `--- \n${good}---\t\n`],
    ["no line end behind the last fence", `---\n${good}---`],
    ["a rule further below", `${fenced(good)}\ntext\n\n---\n\nmore\n`],
  ])("%s", (_, text) => expect(read(text)).toMatchObject({ kind: "agent", agent: { ...agent, spec } }));

  test("a mistake below CRLF lines has the same place", () => {
    expect(mistakesOf(`\u{feff}${fenced(`${good}replicas: 11\n`)}`.replaceAll("\n", "\r\n"))[0]).toMatch(
      /^spec\/agents\/x\.md:5:11: replicas: got 11;/,
    );
  });

  test("instructions from below have the same text whatever the line ends", () => {
    const text = `${fenced(`${good}instructions: body\n`)}\n# One\n\n---\ntwo\n\n`;
    for (const each of [text, text.replaceAll("\n", "\r\n")]) {
      expect(read(each)).toMatchObject({ agent: { spec: { ...spec, instructions: "# One\n\n---\ntwo" } } });
    }
  });

  test.each(["", "# A page\n\n---\n", " ---\ngenus: B\n---\n", "----\n", "text"])("prose: %j", (text) =>
    expect(read(text)).toEqual({ kind: "no-front-matter" }),
  );

  test("front matter without an end", () =>
    expect(mistakesOf(`---\n${good}`)).toEqual([
      "spec/agents/x.md:1:1: the front matter has no end; add a line `---` below it",
    ]));
});

describe("the original's example", () => {
  const sidecar = "{ enabled: true, image: registry.example.com/d-gent:1, command: [python, -m, agents.d.sidecar] }";
  const mistake = "allowed is an object with any of enabled, image, command, args, env, resources";
  /** As it was published. */
  const spec = `---
genus: B
name: B-gent
resources:
  cpu: 100m
  memory: 256Mi
sidecar: true
entrypoint: agents.b.main
networkPolicy:
  allowedPeers: [L, F]
---

# B-gent

The Banker agent for token economics.
`;

  test("names the one line that needs mending: its sidecar names no program", () => {
    expect(mistakesOf(spec)).toEqual([`spec/agents/x.md:7:10: sidecar: got true; ${mistake}`]);
  });

  test("is accepted with a sidecar that names its program, or without one", () => {
    const reading = read(spec.replace("sidecar: true", `sidecar: ${sidecar}`));
    expect(reading).toMatchObject({
      kind: "agent",
      agent: {
        metadata: { name: "b-gent" },
        spec: { genus: "B", resources: { cpu: "100m", memory: "256Mi" }, networkPolicy: { allowedPeers: ["L", "F"] } },
      },
    });
    if (reading.kind !== "agent") throw new Error("not an Agent");
    expect(reading.placeOf(["metadata", "name"])).toEqual({ line: 3, column: 7 });
    expect(reading.placeOf(["spec", "networkPolicy", "allowedPeers", 1])).toEqual({ line: 10, column: 21 });
    expect(mistakesOf(spec.replace("sidecar: true\n", ""))).toEqual(["agent"]);
  });

  test("as the object that was generated from it", () => {
    const object = (enabled: string) => `apiVersion: kgents.io/v1
kind: Agent
metadata:
  name: b-gent
  namespace: kgents-agents
spec:
  genus: B
  image: python:3.12-slim
  replicas: 1
  resources:
    cpu: 100m
    memory: 256Mi
  sidecar:
    enabled: ${enabled}
  entrypoint: agents.b.main
  config: {}
  networkPolicy:
    allowEgress: false
    allowedPeers: [L, F]
`;
    const found = readAgents("b-gent.yaml", object("true"))[0];
    if (found?.kind !== "mistakes") throw new Error("it has a sidecar without a program");
    expect(found.mistakes.map(mistakeInWords)).toEqual([
      expect.stringMatching(/^b-gent\.yaml:14:5: spec\.sidecar\.image: got nothing/),
      expect.stringMatching(/^b-gent\.yaml:14:5: spec\.sidecar\.command: got nothing/),
    ]);
    expect(readAgents("b-gent.yaml", object("false"))).toMatchObject([{ kind: "agent" }]);
  });
});
