/**
 * A stack that runs code on one backend, for tests of all clients (the command line, MCP, the API and `kgents/tools`).
 * The same cases run through every client on each backend.
 *
 * @module
 */
import { join } from "node:path";
import { expect } from "vitest";
import { cellIdOf } from "#activities/plan";
import { Quartermaster } from "#client/index";
import type { FailureKind } from "#core/contract/failure";
import type { BackendName, Isolation } from "#core/contract/result";
import { runKey } from "#platform/store/references";
import type { CommandLine, Ended } from "../support/command-line.ts";
import { processesRunning } from "../support/processes.ts";

/** A stack, and how it differs from others. */
export interface Doors {
  readonly terminal: CommandLine;
  readonly backend: BackendName;
  readonly level: Isolation["level"];
  /** What `exec` reports on stderr about where it ran. */
  readonly remark: string;
  /** A run that cannot be carried out here. */
  readonly impossible: { readonly flags: readonly string[]; readonly kind: FailureKind; readonly remedy: string };
  /** What currently exists of a cell. */
  readonly leftOf: (cellId: string) => Promise<string[]>;
}

/** Actions of a client of the stack. */
export interface Visitor {
  readonly kgents: (...args: string[]) => Promise<Ended>;
  /** Runs shell code to its end. */
  readonly exec: (id: string, code: string, ...flags: string[]) => Promise<Ended>;
  /** Starts shell code that keeps running, and waits until it runs. */
  readonly running: (id: string, code: string, ...flags: string[]) => Promise<void>;
  /** The output of `show --json` for a run. */
  readonly shown: (id: string) => Promise<Record<string, never>>;
  /** Nothing of a run is left at this moment. */
  readonly expectNothingLeft: (id: string, commandLine: string) => Promise<void>;
  /** A Quartermaster of a program on this machine. */
  readonly quartermaster: () => Promise<Quartermaster>;
}

export function visitorOf({ terminal, leftOf }: Doors): Visitor {
  const kgents = (...args: string[]) => terminal.run(args);
  const shell = (id: string, code: string, flags: string[]) => [
    ...["exec", "--id", id, "--lang", "sh", "--ttl", "1", ...flags, "--code", code],
  ];
  const shown = async (id: string) => JSON.parse((await kgents("show", id, "--json")).stdout);
  return {
    kgents,
    shown,
    exec: (id, code, ...flags) => kgents(...shell(id, code, ["--quiet", ...flags])),
    running: async (id, code, ...flags) => {
      const { stderr } = await kgents(...shell(id, `echo begun; ${code}`, ["--detach", "--timeout", "700", ...flags]));
      const command = terminal.start(["logs", id, "-f"]);
      await command.says("stdout", "begun\n").catch((error) => {
        throw new Error(stderr, { cause: error });
      });
      command.child.kill("SIGINT");
      await command.ended;
    },
    expectNothingLeft: async (id, commandLine) => {
      expect(await processesRunning(commandLine)).toEqual([]);
      const { runId } = await shown(id);
      const run = { workflowId: id, runId, key: runKey(id, runId) };
      expect(await leftOf(cellIdOf(run, 1))).toEqual([]);
    },
    quartermaster: async () => {
      const store = { artifacts: { directory: join(terminal.state, "artifacts") } };
      return new Quartermaster({
        address: `127.0.0.1:${terminal.port}`,
        configurationFile: await terminal.file("program.json", JSON.stringify(store)),
        startLocalStack: false,
      });
    },
  };
}

/** Parses one JSON object per line. */
export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
