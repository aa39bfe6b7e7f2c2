/**
 * The connections of one program of a sandbox that stays, after the supervisor has opened its pipes.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { controlReader } from "../../files/control-reader.ts";
import { foldersLine } from "../../files/folders-line.ts";
import { usageSince } from "../cgroups/usage-since.ts";
import type { Launcher } from "../launcher/launcher.ts";
import type { ProgramConnections, ProgramPlan } from "../sandbox/follow-program.ts";
import type { ConnectedPipes } from "./exchange.ts";
import type { ProgramScripts } from "./lasting-script.ts";
import { killMarkIn } from "./pipe-names.ts";
import { programKiller } from "./program-killer.ts";
import { sessionConnection } from "./session-connection.ts";
import { type SessionStopper, sessionStopper } from "./session-stopper.ts";

/** One program of a sandbox that stays. */
export interface LastingProgram extends ProgramPlan {
  readonly scripts: ProgramScripts;
  /** Set if it is one of a session. */
  readonly session: { readonly isCall: boolean } | null;
}

/** A program whose pipes are open. */
export interface OpenedProgram {
  readonly pipes: ConnectedPipes;
  /** Where the pipes had names, on the host. */
  readonly exchange: string;
  /** See {@link ProgramConnections}. */
  readonly over: Promise<void>;
  /** Kills the whole sandbox. */
  readonly giveUp: () => void;
}

/** What is the same for every program of a sandbox that stays. */
function commonConnections(
  launcher: Launcher,
  { scripts: { script, start }, inputs }: LastingProgram,
  { pipes, over, giveUp }: OpenedProgram,
): Omit<ProgramConnections, "kill" | "wasKilled" | "mayStayOpen"> {
  const { group } = launcher;
  pipes.find("inputs")?.write(foldersLine(inputs));
  return {
    stdin: pipes.find("stdin"),
    inputs: pipes.find("inputs"),
    stdout: pipes.get("stdout"),
    stderr: pipes.get("stderr"),
    diagnostics: pipes.get("diagnostics"),
    reports: controlReader(pipes.get("reports")),
    group,
    ready: Promise.resolve(true),
    begin: (delivered) => {
      pipes.find("start")?.end(start ?? "");
      const send = (isComplete: boolean): void => void pipes.get("script").end(isComplete ? script : "");
      if (delivered === undefined) send(true);
      else delivered.then(send);
    },
    over,
    usage: group ? usageSince(group) : () => undefined,
    destroy: () => {
      giveUp();
      pipes.destroy();
    },
  };
}

/** A connected program. */
interface ConnectedProgram {
  readonly connections: ProgramConnections;
  /** Set if it is one of a session. */
  readonly stopper?: SessionStopper;
}

/** Connects a program whose pipes are open. */
export function connectProgram(launcher: Launcher, program: LastingProgram, opened: OpenedProgram): ConnectedProgram {
  if (program.session !== null) return sessionConnections(launcher, program, opened);
  return { connections: programConnections(launcher, program, opened) };
}

/** Connects a program after whose end all its processes are killed. */
function programConnections(launcher: Launcher, program: LastingProgram, opened: OpenedProgram): ProgramConnections {
  const killer = programKiller(launcher, opened.over, opened.giveUp);
  return {
    ...commonConnections(launcher, program, opened),
    kill: killer.kill,
    wasKilled: killer.wasUsed,
    // No process is left that could. Still, the next program must not wait for a stream without end.
    mayStayOpen: true,
  };
}

/** Connects a program of a session. */
function sessionConnections(launcher: Launcher, program: LastingProgram, opened: OpenedProgram): ConnectedProgram {
  const { pipes, over, giveUp, exchange } = opened;
  const isCall = program.session?.isCall ?? false;
  const killer = programKiller(launcher, over, giveUp);
  const common = commonConnections(launcher, program, opened);
  let isCancelled = false;
  const stopper = sessionStopper(
    {
      bubblewrap: launcher.child.pid,
      cancel: () => {
        isCancelled = true;
        pipes.find("inputs")?.destroy();
      },
      killAll: () => {
        try {
          writeFileSync(killMarkIn(exchange), "");
          killer.kill();
        } catch {
          // The supervisor would not learn of it.
          giveUp();
        }
      },
      // The supervisor ignores that nobody reads what it sends; the programs that it runs for that end.
      endCollection: () => void pipes.get("reports").destroy(),
    },
    isCall,
  );
  // A sandbox that is gone reports no end.
  void over.then(stopper.exited);
  const begin: ProgramConnections["begin"] = (delivered) => {
    const isWanted = async (): Promise<boolean> => {
      const isComplete = (await delivered) ?? true;
      if (isComplete && !isCancelled) stopper.begun();
      return isComplete && !isCancelled;
    };
    common.begin(isWanted());
  };
  const session = sessionConnection(common.reports, stopper, isCall);
  const connections = {
    ...common,
    begin,
    session,
    kill: stopper.stop,
    wasKilled: killer.wasUsed,
    mayStayOpen: false,
  };
  return { connections, stopper };
}
