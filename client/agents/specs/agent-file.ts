/**
 * Reads YAML or JSON files with Agents, as `kgents infra generate` writes them.
 *
 * @module
 */
import { fieldOf } from "#core/agents/agent-issues";
import { agentApiVersion, agentKind } from "#core/agents/names";
import { isRecord } from "#core/text/is-record";
import { type AgentManifest, manifestIssues } from "./agent-manifest.ts";
import { readYaml, type YamlDocument } from "./read-yaml.ts";
import type { Adapt, Mistaken, WrittenAgent } from "./spec-file.ts";
import { byPlace, type SpecMistake } from "./spec-mistake.ts";
import { placeAt, placeOf } from "./yaml-place.ts";

/** A document that is not an Agent. */
export interface ForeignDocument {
  readonly kind: "foreign";
  /** What it is, at its place. */
  readonly mistake: SpecMistake;
}

const described = (value: unknown): string =>
  isRecord(value) && typeof value.kind === "string"
    ? `kind ${JSON.stringify(value.kind)} of ${JSON.stringify(value.apiVersion ?? "no apiVersion")}`
    : "a document without kind";

function readDocument(file: string, read: YamlDocument, adapt: Adapt): WrittenAgent | Mistaken | ForeignDocument {
  const { document, lines, mistakes, value } = read;
  const all: SpecMistake[] = mistakes.map((mistake) => ({ file, ...mistake }));
  if (all.length === 0 && !(isRecord(value) && value.kind === agentKind && value.apiVersion === agentApiVersion)) {
    const place = placeAt(lines, document.contents?.range?.[0] ?? document.range?.[0] ?? 0);
    const message = `got ${described(value)}; allowed is kind "${agentKind}" of "${agentApiVersion}"`;
    return { kind: "foreign", mistake: { file, ...place, field: "", message } };
  }
  if (all.length > 0 && value === undefined) return { kind: "mistakes", mistakes: all.sort(byPlace) };
  const written = value as AgentManifest;
  const agent = isRecord(value) && isRecord(value.spec) ? adapt(written) : written;
  for (const { path, atKey, message } of manifestIssues(agent)) {
    all.push({ file, ...placeOf(document, lines, path, atKey), field: fieldOf(path), message });
  }
  if (all.length > 0) return { kind: "mistakes", mistakes: all.sort(byPlace) };
  return { kind: "agent", agent, file, placeOf: (path) => placeOf(document, lines, path, false) };
}

/**
 * Reads the documents of a file.
 *
 * @param file its path, for the places of mistakes
 * @param adapt changes each Agent before it is checked. @default nothing is changed
 */
export const readAgents = (
  file: string,
  text: string,
  adapt: Adapt = (agent) => agent,
): (WrittenAgent | Mistaken | ForeignDocument)[] =>
  readYaml(text).map((document) => readDocument(file, document, adapt));
