/** The reference page of the Agent resource, from its definition. */
import { agentDefaults } from "#core/agents/agent-defaults";
import { acceptedReasons, agentPhases, readyReasons } from "#core/agents/agent-status-schema";
import { agentCrd } from "#core/agents/crd";
import { validationsKey } from "#core/agents/rules";
import type { StructuralSchema } from "#core/agents/structural";
import { formatBytes, formatCpu } from "#core/text/quantity";

const { cpu, memory, state, temporary, logs } = agentDefaults;

/** Defaults that are not stored with the object, by field. */
const operatorDefaults: Readonly<Record<string, string>> = {
  "spec.image": agentDefaults.image,
  "spec.resources.cpu": formatCpu(cpu),
  "spec.resources.memory": formatBytes(memory),
  "spec.resources.ephemeralStorage": `${formatBytes(temporary + logs)} and the size of /state`,
  "spec.resources.requests": "half of the limits",
  "spec.state.size": formatBytes(state),
  "spec.probe.periodSeconds": String(agentDefaults.probePeriodSeconds),
  "spec.probe.failureThreshold": String(agentDefaults.probeFailureThreshold),
  "spec.runAsUser": String(agentDefaults.userId),
  "spec.updateStrategy": "RollingUpdate",
  "spec.terminationGracePeriodSeconds": String(agentDefaults.terminationGraceSeconds),
};

interface Row {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly isRequired: boolean;
}

function rowsOf(schema: StructuralSchema, path: string, isRequired: boolean): Row[] {
  const parts = Object.entries(schema.properties ?? {});
  const own = path.includes(".") ? [{ path, schema, isRequired }] : [];
  return [
    ...own,
    ...parts.flatMap(([name, part]) => rowsOf(part, `${path}.${name}`, schema.required?.includes(name) ?? false)),
    ...(schema.items ? rowsOf(schema.items, `${path}[]`, false).filter((row) => row.path !== `${path}[]`) : []),
  ];
}

function typeOf(schema: StructuralSchema): string {
  if (schema["x-kubernetes-int-or-string"] === true) return "quantity";
  if (schema.type !== "array") return schema.type ?? "any";
  const what = schema.items?.type === "string" ? "text" : "objects";
  return { set: `set of ${what}`, map: `${what} by name`, atomic: `list of ${what}` }[
    String(schema["x-kubernetes-list-type"])
  ] as string;
}

const rulesOf = (schema: StructuralSchema): readonly string[] =>
  ((schema[validationsKey] ?? []) as readonly { message: string; fieldPath?: string }[]).map(
    ({ message, fieldPath }) =>
      `${fieldPath === undefined ? "" : `\`${fieldPath.slice(1)}\`: `}${message.replace(/^allowed is /, "")}`,
  );

function boundsOf(schema: StructuralSchema): string {
  const { minimum, maximum, minItems, maxItems, maxLength, pattern } = schema;
  const ofQuantity = schema["x-kubernetes-int-or-string"] === true;
  const rules = rulesOf(schema);
  // Rules say in words what a pattern beside them demands.
  const isSaid = pattern === "^[^\\x00]*$" || (rules.length > 0 && maxLength === 255);
  return [
    ...(minimum === undefined ? [] : [maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`]),
    ...(maxItems === undefined ? [] : [`${minItems === 1 ? "1 to" : "at most"} ${maxItems} entries`]),
    ...(Array.isArray(schema.enum) ? [schema.enum.map((value) => `\`${value}\``).join(", ")] : []),
    ...(maxLength === undefined || ofQuantity ? [] : [`at most ${maxLength} characters`]),
    ...(typeof pattern !== "string" || ofQuantity || isSaid ? [] : [`\`${pattern.replaceAll("|", "\\|")}\``]),
    ...rules,
    ...rulesOf(schema.items ?? {}).map((rule) => `each has ${rule}`),
  ].join("; ");
}

function defaultOf({ path, schema, isRequired }: Row): string {
  if (isRequired) return "required";
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\`, stored`;
  const given = operatorDefaults[path];
  return given === undefined ? "" : `${given}`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const fieldTable = (rows: readonly Row[]): string =>
  table(
    ["field", "type", "default", "meaning", "allowed"],
    rows.map((row) => [
      `\`${row.path.replace(/^(?:spec|status)\./, "")}\``,
      typeOf(row.schema),
      defaultOf(row),
      row.schema.description ?? "",
      boundsOf(row.schema),
    ]),
  );

const codes = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(", ");

/** The page. */
export function agentReference(): string {
  const [version] = agentCrd().spec.versions;
  const { properties = {} } = version?.schema?.openAPIV3Schema ?? {};
  const { spec = {}, status = {} } = properties;
  return `# Agent reference

Written by \`npm run docs:schema\` from [core/agents/agent-spec.ts](../core/agents/agent-spec.ts), as the definition in
[deploy/agents](../deploy/agents/1-crd.yaml) is.

\`apiVersion: kgents.io/v1\`, \`kind: Agent\`. A namespaced resource: \`kubectl get ag\`, or \`agents.kgents.io\` where another
resource has the name \`agents\`.

## metadata

\`name\`: ${rulesOf(version?.schema?.openAPIV3Schema ?? {}).map((rule) => rule.replace(/^`[^`]*`: /, ""))[0]}.

## spec

${rulesOf(spec)
  .map((rule) => `- ${rule}`)
  .join("\n")}

Defaults that are \`stored\` become part of the object. All others may change with a release; \`status\` says what is used.

${fieldTable(rowsOf(spec, "spec", true))}

## status

${fieldTable(rowsOf(status, "status", false))}

Reasons of \`Accepted\`:
${codes(acceptedReasons)}.

Reasons of \`Ready\`:
${codes(readyReasons.slice(0, 7))},
${codes(readyReasons.slice(7))}.

Phases, for people only:
${codes(agentPhases)}.
`;
}
