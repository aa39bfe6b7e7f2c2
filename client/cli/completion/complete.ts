import { setTimeout as wait } from "node:timers/promises";
import type { Command, Option } from "commander";
import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { isRunId } from "#core/contract/names";
import { loadConfiguration } from "#platform/host/configuration-file";
import { type RunState, runStates } from "../../sdk/runs/run-state.ts";
import { printBytes } from "../terminal/print.ts";
import { plain } from "../terminal/terminal-text.ts";
import type { Shell } from "./completion-command.ts";
import { type CompletionContext, completionContext, rejoin } from "./completion-context.ts";

/** A completion candidate. */
interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Makes the completion script complete file names itself. */
const files = ":files";

/** Maximum wait for the ids of runs: completion must not block the command line. */
const idsMilliseconds = 1000;
const recentRuns = 50;

const fileFlags = ["--file", "--input", "--stdin", "--config", "--output-dir", "--spec-dir"];
/** Commands that only apply to running runs. */
const ofRunning = ["attach", "cancel", "wait"];

const asCandidate = (value: string): Candidate => ({ value, description: "" });

async function languages(): Promise<Candidate[]> {
  const { configuration } = await loadConfiguration();
  return mergeLanguages(builtInLanguages, configuration).map(({ name, aliases }) => ({
    value: name,
    description: aliases.join(", "),
  }));
}

async function runIds(status: readonly RunState[] | undefined): Promise<Candidate[]> {
  const { Quartermaster } = await import("../../sdk/quartermaster.ts");
  const quartermaster = new Quartermaster({ startLocalStack: false });
  const found: Candidate[] = [];
  for await (const { id, status: state, title } of quartermaster.list({ status, limit: recentRuns })) {
    // Other clients of the server may choose any id. Only ids without characters special to a shell are offered.
    if (isRunId(id)) found.push({ value: id, description: `${state}: ${title}` });
  }
  await quartermaster.close();
  return found;
}

/** The names of the Agents that the working directory's specs describe; files, where there are none. */
async function agentNames(): Promise<Candidate[] | typeof files> {
  const { specNames } = await import("../../agents/specs/load-agents.ts");
  const names = await specNames().catch(() => []);
  return names.length === 0 ? files : names.map(asCandidate);
}

async function valuesOf(option: Option): Promise<Candidate[] | typeof files> {
  const name = option.long ?? "";
  if (option.argChoices) return option.argChoices.map(asCandidate);
  if (name === "--status") return runStates.map(asCandidate);
  if (name === "--lang" || name === "--language") return languages();
  return fileFlags.includes(name) ? files : [];
}

const namesOf = (command: Command): Candidate[] =>
  command.commands
    .filter((known) => !known.name().startsWith("__"))
    .map((known) => ({ value: known.name(), description: known.summary() }));

function flagsOf({ command, used }: CompletionContext & { kind: "flag" }): Candidate[] {
  const help = { value: "--help", description: "show help for the command" };
  const unused = command.options.filter(({ long, hidden, description }) => {
    const isRepeatable = description.includes("repeatable");
    return long && !hidden && (isRepeatable || !used.some((option) => option.long === long));
  });
  return [...unused.map(({ long, description }) => ({ value: long ?? "", description })), help];
}

async function candidatesOf(context: CompletionContext, current: string): Promise<Candidate[] | typeof files> {
  if (context.kind === "flag") return flagsOf(context);
  if (context.kind === "value") return valuesOf(context.option);
  const { command, argument } = context;
  if (command.commands.length > 0) return namesOf(command);
  const name = argument?.name() ?? "";
  if (argument?.argChoices) return argument.argChoices.map(asCandidate);
  if (name === "get") return [{ value: "get", description: "write the files instead of listing them" }];
  if (name === "agent" || name === "spec") return current.includes("/") ? files : agentNames();
  if (name !== "id" && name !== "ids") return [];
  return runIds(ofRunning.includes(command.name()) ? ["running"] : undefined);
}

/** Puts a description on one line, without tabs, which separate it from the value. */
const oneLine = (text: string): string => plain(text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")).slice(0, 80);

/** Prints completion candidates for the last of the words; none after an error or a timeout. */
export async function complete(program: Command, shell: Shell, words: readonly string[]): Promise<void> {
  const { before, current, typed } = rejoin(words);
  const context = completionContext(program, before, current);
  // An error message would corrupt the command line being typed.
  const found = await Promise.race([candidatesOf(context, current).catch(() => []), wait(idsMilliseconds, [])]);
  if (found === files) {
    await printBytes("stdout", `${files}\n`);
    return;
  }
  const prefix = context.kind === "value" && current.startsWith("-") ? current.replace(/=.*/s, "=") : "";
  const lines = found
    .map(({ value, description }) => ({ value: prefix + value, description }))
    .filter(({ value }) => value.startsWith(current))
    .map(
      ({ value, description }) => `${shell === "bash" ? value.slice(typed.length) : value}\t${oneLine(description)}\n`,
    );
  await printBytes("stdout", lines.join(""));
}
