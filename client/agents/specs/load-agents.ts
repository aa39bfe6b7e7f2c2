/**
 * Finds and reads the Agents that a command line names.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { agentNamePattern } from "#core/agents/agent";
import { agentNamespace } from "#core/agents/names";
import { KgentsError } from "#core/contract/error";
import { withSpecHash } from "../generated/agent-yaml.ts";
import { readAgents } from "./agent-file.ts";
import type { AgentManifest } from "./agent-manifest.ts";
import { findSpec, nameOfFile } from "./find-spec.ts";
import { filesOf, isDirectory, readAgentText } from "./read-files.ts";
import { type Adapt, readSpec, type WrittenAgent } from "./spec-file.ts";
import type { SpecMistake } from "./spec-mistake.ts";

/** What to load. */
export interface AgentsToLoad {
  /** Names of Agents, files, directories, or `-` for standard input. */
  readonly targets: readonly string[];
  /** Whether to load the whole directory of specs. */
  readonly all: boolean;
  /** The directory of specs. @default spec/agents if it exists, else spec */
  readonly specDirectory?: string | undefined;
  /** The namespace of Agents that name none. Others must name the same. @default kgents-agents, and others are kept */
  readonly namespace?: string | undefined;
  /** Whether only spec files count, and not YAML or JSON with Agents. @default false */
  readonly specsOnly?: boolean | undefined;
  /** Changes each Agent before it is checked. @default nothing is changed */
  readonly adapt?: Adapt | undefined;
  /** The directory that relative paths begin at. @default the working directory */
  readonly root?: string | undefined;
}

/** What was read. */
export interface LoadedAgents {
  readonly agents: readonly WrittenAgent[];
  /** The files of directories that describe no Agent; of YAML, once for each such document. */
  readonly skipped: readonly string[];
  readonly mistakes: readonly SpecMistake[];
}

const specExtensions = [".md"];
const agentExtensions = [".yaml", ".yml", ".json"];
const usualDirectories = ["spec/agents", "spec"];

const hasExtension = (path: string, extensions: readonly string[]): boolean =>
  extensions.some((extension) => path.endsWith(extension));

/** Whether a target is a path, or `-`. Everything else is the name of an Agent. */
export const isPath = (target: string): boolean =>
  target.includes("/") ||
  ["-", ".", ".."].includes(target) ||
  hasExtension(target, [...specExtensions, ...agentExtensions]);

interface Loading {
  readonly root: string;
  readonly wanted: AgentsToLoad;
  readonly agents: WrittenAgent[];
  readonly mistakes: SpecMistake[];
  readonly skipped: string[];
}

/**
 * Loads a file.
 *
 * @param isNamed whether the user named it, so that it must describe an Agent
 */
async function loadFile(loading: Loading, file: string, isNamed: boolean): Promise<void> {
  const { specsOnly = false, adapt } = loading.wanted;
  const none = (message: string): SpecMistake => ({ file, line: 1, column: 1, field: "", message });
  const isSpec = hasExtension(file, specExtensions);
  if (specsOnly && !isSpec) return void loading.mistakes.push(none("got another file; allowed are spec files (.md)"));
  const text = await readAgentText(loading.root, file);
  if (typeof text !== "string") return void loading.mistakes.push(...text.mistakes);
  const readings = isSpec ? [readSpec(file, text, adapt)] : readAgents(file, text, adapt);
  if (readings.length === 0 && isNamed) loading.mistakes.push(none("there is no Agent in it"));
  for (const reading of readings) {
    if (reading.kind === "mistakes") loading.mistakes.push(...reading.mistakes);
    else if (reading.kind === "agent") {
      const agent = inNamespace(reading.agent, loading);
      // A generated file has the hash already, and what somebody wrote by hand has no spec file.
      loading.agents.push({ ...reading, agent: isSpec ? await withSpecHash(agent) : agent });
    } else if (!isNamed) loading.skipped.push(file);
    else if (reading.kind === "foreign") loading.mistakes.push(reading.mistake);
    else loading.mistakes.push(none("the file has no front matter: its first line is not `---`"));
  }
}

function inNamespace(agent: AgentManifest, { wanted }: Loading): AgentManifest {
  const namespace = agent.metadata.namespace ?? wanted.namespace ?? agentNamespace;
  return { ...agent, metadata: { ...agent.metadata, namespace } };
}

/** The directory of specs. @throws KgentsError `not-found` if there is none */
export function specDirectoryOf({ specDirectory, root = "." }: Pick<AgentsToLoad, "specDirectory" | "root">): string {
  if (specDirectory !== undefined) return specDirectory;
  const found = usualDirectories.find((directory) => existsSync(resolve(root, directory)));
  if (found !== undefined) return found;
  throw new KgentsError("not-found", `there is no directory ${usualDirectories.join(" or ")} here`, {
    field: "--spec-dir",
    remedy: "Go to the directory that has it, or name the directory of the specs with --spec-dir.",
  });
}

/** The names that the files of the usual directory of specs stand for, as far as they are names of Agents. */
export async function specNames(): Promise<string[]> {
  const names = (await filesOf(".", specDirectoryOf({}), specExtensions)).map(nameOfFile);
  return names.filter((name) => agentNamePattern.test(name));
}

/** The spec file of an Agent. @throws KgentsError `not-found`, with the nearest name */
async function specFileOf({ root, wanted }: Loading, name: string): Promise<string> {
  const directory = specDirectoryOf({ specDirectory: wanted.specDirectory, root });
  const found = findSpec(name, await filesOf(root, directory, specExtensions));
  if ("file" in found) return found.file;
  if ("several" in found) {
    throw new KgentsError("invalid-request", `${name}: stands for ${found.several.join(" and ")}`, {
      field: "agent",
      remedy: "Name the file.",
    });
  }
  const meant = found.nearest === undefined ? "" : ` (did you mean ${found.nearest}?)`;
  const path = existsSync(resolve(root, name)) ? ` There is also ./${name}: name it so, if you mean that.` : "";
  throw new KgentsError("not-found", `${directory} has no spec file for ${JSON.stringify(name)}${meant}`, {
    field: "agent",
    remedy: `Name a spec file, or its directory with --spec-dir. Nothing is made up for a missing one.${path}`,
  });
}

async function loadTarget(loading: Loading, target: string): Promise<void> {
  if (target === "-") return loadFile(loading, target, true);
  if (!isPath(target)) return loadFile(loading, await specFileOf(loading, target), true);
  if (!(await isDirectory(loading.root, target))) return loadFile(loading, target, true);
  const extensions = loading.wanted.specsOnly ? specExtensions : [...specExtensions, ...agentExtensions];
  const files = await filesOf(loading.root, target, extensions);
  for (const file of files) await loadFile(loading, file, false);
}

const identity = ({ metadata: { namespace, name } }: AgentManifest): string => `${namespace}/${name}`;

/** Mistakes that concern several files, or the flags. */
function crossMistakes({ agents, wanted }: Loading): SpecMistake[] {
  const seen = new Map<string, WrittenAgent>();
  return agents.flatMap((written): SpecMistake[] => {
    const { agent, file, placeOf } = written;
    const name = { file, ...placeOf(["metadata", "name"]), field: "name" };
    const first = seen.get(identity(agent));
    if (first !== undefined) {
      const { line, column } = first.placeOf(["metadata", "name"]);
      const message = `got ${identity(agent)}, which ${first.file}:${line}:${column} describes, too; allowed is one`;
      return [{ ...name, message }];
    }
    seen.set(identity(agent), written);
    const { namespace } = agent.metadata;
    if (wanted.namespace === undefined || namespace === wanted.namespace) return [];
    const message = `got ${JSON.stringify(namespace)}; --namespace says ${JSON.stringify(wanted.namespace)}`;
    return [{ file, ...placeOf(["metadata", "namespace"]), field: "namespace", message }];
  });
}

/**
 * Loads Agents. What files say wrong is in the result; what the command line says wrong is thrown.
 *
 * @throws KgentsError `not-found` for a file, directory or Agent that is not there
 */
export async function loadAgents(wanted: AgentsToLoad): Promise<LoadedAgents> {
  const root = wanted.root ?? ".";
  const loading: Loading = { root, wanted, agents: [], mistakes: [], skipped: [] };
  if (wanted.all) {
    const directory = specDirectoryOf(wanted);
    for (const file of await filesOf(root, directory, specExtensions)) await loadFile(loading, file, false);
  }
  for (const target of wanted.targets) await loadTarget(loading, target);
  const { agents, skipped, mistakes } = loading;
  return { agents, skipped, mistakes: [...mistakes, ...crossMistakes(loading)] };
}
