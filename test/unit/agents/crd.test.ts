/** The definition of Agents and its reference page. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { agentSpecSchema } from "#core/agents/agent";
import { agentCrd } from "#core/agents/crd";
import { type StructuralSchema, structural } from "#core/agents/structural";
import { agentFiles } from "../../../docs/agents/files.ts";

const root = join(import.meta.dirname, "../../..");
const files = agentFiles();
const [version] = agentCrd().spec.versions;
const schema = version?.schema?.openAPIV3Schema ?? {};

it.each(Object.keys(files))("%s is what the code has", async (path) => {
  expect(await readFile(join(root, path), "utf8"), "`npm run docs:schema` writes it anew").toBe(files[path]);
});

/** Every schema within a schema, with its path. */
const all = (part: StructuralSchema, path = ""): [string, StructuralSchema][] => [
  [path, part],
  ...Object.entries(part.properties ?? {}).flatMap(([name, inner]) => all(inner, `${path}.${name}`)),
  ...(part.items ? all(part.items, `${path}[]`) : []),
];
const parts = all(schema);

it("has every field of the schema, each with its meaning", () => {
  expect(Object.keys(schema.properties?.spec?.properties ?? {})).toEqual(Object.keys(agentSpecSchema.shape));
  for (const [path, { description }] of parts) {
    const isPart = path === "" || path.endsWith("[]") || path.startsWith(".metadata");
    if (!isPart) expect(description, path).toMatch(/\S/);
  }
});

it("stores only defaults that never have to change", () => {
  const defaults = Object.fromEntries(
    parts.filter(([, part]) => part.default !== undefined).map(([path, part]) => [path, part.default]),
  );
  expect(defaults).toEqual({
    ".spec.placeholder": false,
    ".spec.replicas": 1,
    ".spec.port": 8080,
    ".spec.sidecar.enabled": false,
    ".spec.networkPolicy.allowEgress": false,
  });
});

it("bounds every list and text, and says how lists are merged", () => {
  for (const [path, part] of parts.filter(([at]) => at.startsWith(".spec") || at.startsWith(".status.conditions"))) {
    if (part.type === "array") expect([path, part]).toMatchObject([path, { maxItems: expect.any(Number) }]);
    if (part.type === "array") expect(part["x-kubernetes-list-type"], path).toMatch(/^(?:set|map|atomic)$/);
    const isBounded = part.maxLength !== undefined || part.enum !== undefined || part.format === "date-time";
    if (part.type === "string") expect(isBounded, path).toBe(true);
  }
});

it("has patterns that Go reads alike, and a message and a place for every rule", () => {
  const text = JSON.stringify(schema);
  expect(text).not.toMatch(/\(\?[=!<]|\\\\[pu]|\$schema|additionalProperties/);
  const rules = parts.flatMap(([, part]) => (part["x-kubernetes-validations"] ?? []) as { message: string }[]);
  expect(rules.length).toBeGreaterThan(20);
  for (const { message } of rules) expect(message).toMatch(/^allowed is \S|^genus is immutable/);
});

it.each([
  [{ type: "string", contentEncoding: "base64" }],
  [{ type: "object", additionalProperties: { type: "string" } }],
  [{ anyOf: [{ type: "string" }, { type: "boolean" }] }],
  [{ type: "object", properties: { a: { not: {} } } }],
  [true],
])("%#: a schema loses no rule on the way", (schema) => {
  expect(() => structural(schema)).toThrow(/structural schema/);
});
