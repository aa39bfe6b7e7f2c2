/**
 * The command line. Commands are loaded on use: loading Temporal's client alone takes longer than starting Node.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import type { OperatorCommandFlags } from "#core/configuration/operator-flags";
import type { WorkerCommandFlags } from "#core/configuration/worker-flags";
import { packageVersion } from "#platform/host/package-files";
import { adminCommand } from "./admin/admin-command.ts";
import { schemaCommand } from "./admin/schema-command.ts";
import { batchCommand } from "./batch/batch-command.ts";
import { completionCommands } from "./completion/completion-command.ts";
import { execCommand } from "./exec/exec-command.ts";
import { agentsCommands } from "./infra/agents/agents-commands.ts";
import { crdCommand } from "./infra/crd/crd-command.ts";
import { infraCommand } from "./infra/infra-command.ts";
import { mcpCommand } from "./mcp/mcp-command.ts";
import { operatorCommand } from "./operator/operator-command.ts";
import { controlCommands } from "./runs/control-commands.ts";
import { lookCommands } from "./runs/look-commands.ts";
import { scheduleCommand } from "./schedules/schedule-command.ts";
import { sessionCommands } from "./sessions/session-command.ts";
import { checkProcess } from "./stack/check-process.ts";
import { doctorCommand } from "./stack/doctor-command.ts";
import { downCommand, statusCommand, upCommand } from "./stack/stack-commands.ts";
import { workerCommand } from "./stack/worker-command.ts";
import { watchOutput } from "./terminal/lost-output.ts";
import { flush, print } from "./terminal/print.ts";

/** Exit code of wrong usage: a flag, a field or a language that does not exist. */
const wrongUsage = 2;

/** The programs that the command line starts and that are not part of the client. */
export interface Programs {
  /** `kgents worker`. Resolves with the exit code. */
  readonly work: (flags: WorkerCommandFlags) => Promise<number>;
  /** `kgents operator`. Resolves with the exit code. */
  readonly operate: (flags: OperatorCommandFlags) => Promise<number>;
}

/** Exits at once. An open connection would keep this process alive until it times out. */
async function leave(code: number): Promise<never> {
  await flush();
  process.exit(code);
}

/** Declares the commands that start runs, look at them and control them. */
function declareRunCommands(program: Command): void {
  execCommand(program, async (source, flags) => {
    if (flags.session !== undefined) {
      const { runInSession } = await import("./sessions/run-in-session.ts");
      await leave(await runInSession(flags.session, source, flags));
      return;
    }
    const { exec } = await import("./exec/exec.ts");
    process.exitCode = await exec(source, flags);
  });
  batchCommand(program, async (file, flags) => {
    const { batch } = await import("./batch/batch.ts");
    process.exitCode = await batch(file, flags);
  });
  lookCommands(program, {
    ps: async (flags) => leave(await (await import("./runs/ps.ts")).ps(flags)),
    show: async (id, flags) => leave(await (await import("./runs/show.ts")).show(id, flags)),
    logs: async (id, flags) => leave(await (await import("./runs/logs.ts")).logs(id, flags)),
    files: async (id, verb, names, flags) =>
      leave(await (await import("./runs/files.ts")).files(id, verb, names, flags)),
    open: async (id, flags) => leave(await (await import("./runs/open.ts")).open(id, flags)),
  });
  controlCommands(program, {
    attach: async (id, flags) => leave(await (await import("./runs/attach.ts")).attach(id, flags)),
    wait: async (ids, flags) => leave(await (await import("./runs/wait.ts")).waitFor(ids, flags)),
    cancel: async (ids, flags) => leave(await (await import("./runs/cancel.ts")).cancel(ids, flags)),
    rerun: async (id, flags) => {
      process.exitCode = await (await import("./runs/rerun.ts")).rerun(id, flags);
    },
  });
}

/** Declares the commands about sessions. */
function declareSessionCommands(program: Command): void {
  const verbs = () => import("./sessions/session.ts");
  sessionCommands(program, {
    create: async (id, flags) => leave(await (await verbs()).createSession(id, flags)),
    list: async (flags) => leave(await (await verbs()).listSessions(flags)),
    run: async (id, source, flags) =>
      leave(await (await import("./sessions/run-in-session.ts")).runInSession(id, source, flags)),
    put: async (id, paths, flags) => leave(await (await verbs()).putFiles(id, paths, flags)),
    get: async (id, patterns, flags) => leave(await (await verbs()).getFiles(id, patterns, flags)),
    remove: async (ids, flags) => leave(await (await verbs()).removeSessions(ids, flags)),
    shell: async (flags) => leave(await (await import("./sessions/shell.ts")).shell(flags)),
  });
}

/** Declares the commands below `infra` that work on Agents. */
function declareAgentCommands(infra: Command): void {
  agentsCommands(infra, {
    generate: async (specs, flags) => leave(await (await import("./infra/agents/generate.ts")).generate(specs, flags)),
    apply: async (targets, flags) => leave(await (await import("./infra/agents/apply.ts")).apply(targets, flags)),
    delete: async (targets, flags) =>
      leave(await (await import("./infra/agents/delete.ts")).deleteAgents(targets, flags)),
    installHook: async (flags) => leave(await (await import("./infra/agents/hook.ts")).installGitHook(flags)),
  });
}

/** Declares all other commands, in the order of the help. */
function declareOtherCommands(program: Command, programs: Programs): void {
  doctorCommand(program, async (flags) => leave(await (await import("./stack/doctor.ts")).doctor(flags)));
  completionCommands(program, {
    completion: async (shell) => {
      const { completionScripts } = await import("./completion/completion-scripts.ts");
      await print(completionScripts[shell]);
    },
    complete: async (shell, words) => {
      const { complete } = await import("./completion/complete.ts");
      await complete(program, shell, words);
      await leave(0);
    },
  });
  scheduleCommand(program, {
    create: async (id, flags) => leave(await (await import("./schedules/schedule.ts")).createSchedule(id, flags)),
    list: async (flags) => leave(await (await import("./schedules/schedule.ts")).listSchedules(flags)),
    delete: async (ids, flags) => leave(await (await import("./schedules/schedule.ts")).deleteSchedules(ids, flags)),
    trigger: async (id, flags) => leave(await (await import("./schedules/schedule.ts")).triggerSchedule(id, flags)),
  });
  upCommand(program, async (flags) => {
    const { up } = await import("./stack/stack.ts");
    process.exitCode = await up(flags);
  });
  downCommand(program, async (flags) => {
    const { down } = await import("./stack/stack.ts");
    process.exitCode = await down(flags);
  });
  statusCommand(program, async (flags) => {
    const { status } = await import("./stack/stack.ts");
    process.exitCode = await status(flags);
  });
  const infra = infraCommand(program, {
    init: async (flags) => {
      if (flags.agents) {
        const { initAgents } = await import("./infra/agents/prepare-agents.ts");
        await leave(await initAgents(flags));
        return;
      }
      const { init } = await import("./infra/infra.ts");
      await leave(await init(flags));
    },
    status: async (flags) => {
      const { status } = await import("./infra/infra.ts");
      await leave(await status(flags));
    },
    destroy: async (flags) => {
      if (flags.agents) {
        const { destroyAgents } = await import("./infra/agents/prepare-agents.ts");
        await leave(await destroyAgents(flags));
        return;
      }
      const { destroy } = await import("./infra/infra.ts");
      await leave(await destroy(flags));
    },
  });
  declareAgentCommands(infra);
  crdCommand(infra, async (flags) => leave(await (await import("./infra/crd/crd.ts")).crd(flags)));
  adminCommand(program, { setup: async (flags) => leave(await (await import("./admin/admin.ts")).setup(flags)) });
  mcpCommand(program, async (flags) => {
    const { mcp } = await import("./mcp/mcp.ts");
    await leave(await mcp(flags));
  });
  schemaCommand(program, async (name) => {
    const { printedJsonSchema } = await import("#core/contract/json-schema");
    await print(printedJsonSchema(name));
  });
  workerCommand(program, async (flags) => {
    // After a failed start, Temporal's runtime still runs and would keep this process alive.
    process.exit(await programs.work(flags));
  });
  operatorCommand(program, async (flags) => leave(await programs.operate(flags)));
}

/** Reports a wrong command line and sets the exit code. Help and version, which commander also throws, are not errors. */
async function reportUsage(program: Command, error: CommanderError, args: readonly string[]): Promise<void> {
  process.exitCode = error.exitCode === 0 ? 0 : wrongUsage;
  if (error.exitCode === 0 || error.code === "commander.help") return;
  const { usageError } = await import("./terminal/usage.ts");
  await report(usageError(program, error, args), args);
}

/** Reports an error of a command. Returns the exit code. */
async function report(error: unknown, args: readonly string[]): Promise<number> {
  const [{ wantsJson }, { reportError }] = await Promise.all([
    import("./terminal/usage.ts"),
    import("./terminal/reporter.ts"),
  ]);
  return reportError(error, { json: wantsJson(args) });
}

/** Runs the given command and sets the exit code of this process. */
export async function runCommandLine(programs: Programs): Promise<void> {
  watchOutput();

  const program = new Command("kgents")
    .description("Runs code in hardened, isolated, disposable cells, by Temporal workflows.")
    .version(packageVersion, "-V, --version")
    .exitOverride()
    // `reportUsage` reports it in our own words.
    .configureOutput({ outputError: () => {}, writeOut: (text) => void print(text) })
    .addHelpText("after", "\nStart with: kgents exec --code \"print('hello')\"");
  declareRunCommands(program);
  declareSessionCommands(program);
  declareOtherCommands(program, programs);

  // A detached child process does not keep this process alive. Without a timer, it would end while it awaits the
  // child's exit.
  const alive = setInterval(() => {}, 2 ** 30);
  const args = process.argv.slice(2);
  try {
    checkProcess(args);
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) await reportUsage(program, error, args);
    else await leave(await report(error, args));
  } finally {
    clearInterval(alive);
  }
}
