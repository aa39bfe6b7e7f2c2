/**
 * Reads a spec file: Markdown whose front matter describes an Agent.
 *
 * The front matter is flat: the fields of an Agent's `spec`, and `name`, `namespace`, `labels` and `annotations`.
 *
 * @module
 */
import { fieldOf } from "#core/agents/agent-issues";
import { agentApiVersion, agentKind } from "#core/agents/names";
import { utf8Length } from "#core/text/bytes";
import { closest } from "#core/text/closest";
import { isRecord } from "#core/text/is-record";
import { type AgentManifest, manifestIssues, specFields } from "./agent-manifest.ts";
import { splitFrontMatter } from "./front-matter.ts";
import { readYaml, type YamlDocument } from "./read-yaml.ts";
import { byPlace, type SpecMistake } from "./spec-mistake.ts";
import { type FieldPath, type Place, placeAt, placeOf } from "./yaml-place.ts";

/** An Agent as a file writes it. */
export interface WrittenAgent {
  readonly kind: "agent";
  readonly agent: AgentManifest;
  /** The path of the file. */
  readonly file: string;
  /** The place of a field, by its path in the Agent, such as `["spec", "replicas"]`. */
  readonly placeOf: (path: FieldPath) => Place;
}

/** The mistakes of a file. */
export interface Mistaken {
  readonly kind: "mistakes";
  readonly mistakes: readonly SpecMistake[];
}

/** What a spec file says. */
export type SpecReading =
  | WrittenAgent
  | Mistaken
  /** The file is prose. */
  | { readonly kind: "no-front-matter" };

/** The largest front matter, in bytes. */
const maximumFrontMatterBytes = 65_536;

/** The fields of the front matter that belong to the Agent's metadata. */
const metadataFields = ["name", "namespace", "labels", "annotations"] as const;

/** Changes an Agent as it was read, before it is checked. */
export type Adapt = (agent: AgentManifest) => AgentManifest;

/** The Agent that the front matter describes. Names are written in any case: `B-gent` is `b-gent`. */
function toAgent(fields: Readonly<Record<string, unknown>>, body: string): AgentManifest {
  const spec = Object.fromEntries(
    Object.entries(fields).filter(([field]) => !metadataFields.some((known) => known === field)),
  );
  if (spec.instructions === "body") spec.instructions = body;
  const metadata = Object.fromEntries(
    metadataFields
      .filter((field) => fields[field] !== undefined)
      .map((field) => [field, fields[field]])
      .map(([field, value]) => [field, field === "name" && typeof value === "string" ? value.toLowerCase() : value]),
  );
  return { apiVersion: agentApiVersion, kind: agentKind, metadata, spec } as AgentManifest;
}

/** The path in the front matter of a path in the Agent. */
const flatPath = ([first, ...rest]: FieldPath): FieldPath => (first === "spec" || first === "metadata" ? rest : []);

/** The mistakes in the Agent that the front matter describes, with their places in the front matter. */
function agentMistakes(
  fields: Readonly<Record<string, unknown>>,
  body: string,
  adapt: Adapt,
): { readonly agent: AgentManifest; readonly found: readonly Found[] } {
  const agent = adapt(toAgent(fields, body));
  const found: Found[] = [];
  const known = [...metadataFields, ...specFields];
  for (const field of Object.keys(fields).filter((name) => !known.includes(name))) {
    const meant = closest(field, known);
    const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    found.push({
      path: [field],
      atKey: true,
      message: `got an unknown field; allowed is one of ${known.join(", ")}${hint}`,
    });
  }
  if (fields.instructions === "body" && body === "") {
    found.push({ path: ["instructions"], atKey: false, message: "got body; there is no text below the front matter" });
  }
  const reported = found.map(({ path }) => path[0]);
  for (const { path, message, atKey } of manifestIssues(agent)) {
    const flat = flatPath(path);
    if (!reported.includes(flat[0])) found.push({ path: flat, message, atKey });
  }
  return { agent, found };
}

interface Found {
  readonly path: FieldPath;
  /** Whether the place is that of the key. */
  readonly atKey: boolean;
  readonly message: string;
}

/** The line of the file on which the front matter's first line is. */
const firstLine = 2;

function readFields(file: string, read: YamlDocument, body: string, adapt: Adapt): SpecReading {
  const { document, lines, mistakes, value } = read;
  const below = ({ line, column }: Place): Place => ({ line: line + firstLine - 1, column });
  const at = (place: Place) => ({ file, ...below(place) });
  const all: SpecMistake[] = mistakes.map(({ field, message, ...place }) => ({ ...at(place), field, message }));
  if (value !== undefined && !isRecord(value)) {
    const message = "got no fields; allowed is a line for each field, such as `genus: B`";
    all.push({ ...at(placeAt(lines, 0)), field: "", message });
  }
  const { agent, found } = isRecord(value) ? agentMistakes(value, body, adapt) : { agent: undefined, found: [] };
  for (const { path, atKey, message } of found) {
    const field = fieldOf(path);
    // A field that is there twice has been reported.
    if (all.some((other) => other.field !== "" && other.field === field)) continue;
    all.push({ ...at(placeOf(document, lines, path, atKey)), field, message });
  }
  if (all.length > 0 || agent === undefined) return { kind: "mistakes", mistakes: all.sort(byPlace) };
  return {
    kind: "agent",
    agent,
    file,
    placeOf: (path) => below(placeOf(document, lines, flatPath(path), false)),
  };
}

/**
 * Reads the text of a spec file.
 *
 * @param file its path, for the places of mistakes
 * @param adapt changes the Agent before it is checked. @default nothing is changed
 */
export function readSpec(file: string, text: string, adapt: Adapt = (agent) => agent): SpecReading {
  const mistake = (line: number, column: number, message: string): SpecReading => ({
    kind: "mistakes",
    mistakes: [{ file, line, column, field: "", message }],
  });
  const parts = splitFrontMatter(text);
  if (parts === undefined) return { kind: "no-front-matter" };
  if (parts === "unclosed") return mistake(1, 1, "the front matter has no end; add a line `---` below it");
  const bytes = utf8Length(parts.yaml);
  if (bytes > maximumFrontMatterBytes) {
    return mistake(1, 1, `got front matter of ${bytes} bytes; allowed are ${maximumFrontMatterBytes}`);
  }
  const [document, second] = readYaml(parts.yaml);
  if (document === undefined) return mistake(1, 1, "the front matter is empty; allowed is a line for each field");
  if (second !== undefined) {
    const { line, column } = placeAt(second.lines, second.document.range?.[0] ?? 0);
    return mistake(line + firstLine - 1, column, "got a second YAML document; allowed is one");
  }
  return readFields(file, document, parts.body, adapt);
}
