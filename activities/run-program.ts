import { servedProvider } from "#cells/placement/choose-provider";
import { NoPlace } from "#cells/placement/no-place";
import type { CellProvider } from "#cells/provider";
import { contentBytes } from "#core/contract/file-set";
import type { Content } from "#core/contract/request";
import { parseRemoveFiles, parseWriteFiles } from "#core/contract/session/calls";
import { messageOf } from "#core/text/message-of";
import { openContent } from "#platform/store/open-content";
import { programKey } from "#platform/store/references";
import { checkpointOf } from "./checkpoint-of.ts";
import type { Elsewhere, ExecuteOutput, NoPlaceNow } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { follow, isElsewhere, nothingStored, storedBytes } from "./execute.ts";
import { listingOf, removalOf } from "./file-lists.ts";
import { beating, holdInTime } from "./in-time.ts";
import { keepCheckpoint } from "./keep-checkpoint.ts";
import { currentRun, type Run, withPrepared } from "./plan.ts";
import { type PlannedProgram, type PlannedSession, planProgram, planSession } from "./plan-session.ts";
import type { CellGone, SessionProgram, SessionProgramInput, SessionProgramOutput } from "./session-contract.ts";
import { startProgram } from "./start-program.ts";

/** A program of a session that this activity follows to its end. */
interface FollowedProgram {
  readonly n: number;
  readonly planned: PlannedProgram;
  readonly asked: SessionProgram;
}

/** A session's cell as this activity uses it. */
interface SessionPlace {
  readonly dependencies: ActivityDependencies;
  readonly provider: CellProvider;
  readonly session: PlannedSession;
  readonly run: Run;
  readonly movable: boolean;
  /** The execution of the workflow that asks. */
  readonly asking: string;
}

/** Opens the content of a program. That of a restore is a checkpoint, the output of an earlier program. */
function openerOf({ store }: ActivityDependencies, asked: SessionProgram) {
  return async (content: Content) => {
    const isCheckpoint = asked.kind === "restore" && typeof content === "object" && "artifact" in content;
    if (!isCheckpoint || asked.checkpoint.ref === null) return openContent(store.openBlob, content);
    return store.read(asked.checkpoint.ref, 0, asked.checkpoint.bytes);
  };
}

/** Heartbeats while something is prepared for a program. */
async function whileBeating<Value>(work: Promise<Value>): Promise<Value> {
  using _beat = beating(() => undefined);
  return await work;
}

/** Starts a program unless this process runs it already, and follows it to its end. */
async function followProgram(place: SessionPlace, followed: FollowedProgram): Promise<ExecuteOutput> {
  const { dependencies, provider, session, run, movable, asking } = place;
  const { n, planned, asked } = followed;
  const { store, running } = dependencies;
  const { cell, spec } = session;
  const { cellId } = cell;
  const key = programKey(run.workflowId, cellId, n);
  const program = `${asking}/${n}`;
  const stored = movable ? await whileBeating(storedBytes(store, key, 1)) : nothingStored;
  // Await this before the lookup below: there must be no await between the lookup and the start of the program.
  const held = await whileBeating(holdInTime(store, key, planned.content));
  const known = running.know({
    cellId,
    backend: provider.name,
    workflowId: run.workflowId,
    runId: run.runId,
    requester: spec.requester ?? null,
    isSession: true,
  });
  // Programs of a session run one at a time, so an earlier one has ended.
  if (known.program !== program) delete known.running;
  if (known.running === undefined) {
    provider.placement.hold(cellId);
    const open = openerOf(dependencies, asked);
    const started = startProgram(store, provider, cell, planned.program, {
      key,
      stored,
      attempt: 1,
      live: false,
      n,
      open,
    });
    known.running = started;
    known.program = program;
    started.outcome
      .catch(() => {
        // It was not started, so another attempt may try again.
        if (known.running === started) delete known.running;
      })
      .finally(() => {
        // A cell that only this host reaches keeps its place until it is removed.
        if (movable) provider.placement.release(cellId);
        // If the live marker cannot be removed, it expires. A checkpoint is needed later.
        if (asked.kind === "checkpoint") held.leave();
        else held.release().catch(() => {});
      });
  } else {
    held.leave();
  }
  const output = await follow(known, known.running, { live: false, movable });
  if (movable) running.forget(cellId);
  return output;
}

/** What the output of a program means to whoever asked for it. */
function answerOf(asked: SessionProgram, output: ExecuteOutput): Omit<SessionProgramOutput, "kernel"> {
  switch (asked.kind) {
    case "writeFiles": {
      const files = output.status === "succeeded" ? parseWriteFiles(asked.call) : [];
      return { output, written: files.map(({ name, content }) => ({ name, bytes: contentBytes(content) })) };
    }
    case "listFiles":
      return { output: quiet(output), listed: listingOf(output.stdout) };
    case "removeFiles":
      return { output: quiet(output), removed: removalOf(parseRemoveFiles(asked.call), output.stdout.text) };
    case "checkpoint":
      return { output: quiet(output), ...checkpointOf(output) };
    case "run":
    case "readFiles":
    case "restore":
      return { output };
  }
}

/** Without the text of stdout, which is not for people. */
const quiet = (output: ExecuteOutput): ExecuteOutput => ({ ...output, stdout: { ...output.stdout, text: "" } });

/** Sees to it that a checkpoint stays in the store. If that fails, the session has the one before. */
async function keptCheckpoint(
  { dependencies: { store }, run }: SessionPlace,
  answer: SessionProgramOutput,
  ends: number,
): Promise<SessionProgramOutput> {
  const { checkpoint, ...rest } = answer;
  if (!checkpoint || checkpoint.ref === null) return answer;
  try {
    await whileBeating(keepCheckpoint(store, run, checkpoint.ref, ends));
    return answer;
  } catch (error) {
    return { ...rest, checkpointFailure: messageOf(error) };
  }
}

/** Runs one program of a session, at most once. */
export const runProgram =
  (dependencies: ActivityDependencies) =>
  async (input: SessionProgramInput): Promise<SessionProgramOutput | CellGone | Elsewhere | NoPlaceNow> => {
    if (isElsewhere(dependencies, input)) return { elsewhere: true };
    const run = currentRun(input.firstRunId);
    const asked = planSession(dependencies, input.session, input.cellId, run, input.ends);
    const session = { ...asked, cell: withPrepared(asked.cell, input.environment, dependencies.policy) };
    const planned = planProgram(dependencies, session, input.program);
    const provider = servedProvider(dependencies, input.backend);
    if (provider.reach === "host") {
      const owned = await provider.find(input.cellId);
      // Also the cell of another session, which only a forged input can name.
      if (owned === null || owned.workflowId !== run.workflowId) {
        return { gone: "the worker that held the session's cell has ended" };
      }
    }
    const place = { dependencies, provider, session, run, movable: input.taskQueue === null, asking: input.runId };
    try {
      const output = await followProgram(place, { n: input.n, planned, asked: input.program });
      const { kernel, ...rest } = output;
      const answer = { ...answerOf(input.program, rest), ...(kernel && { kernel }) };
      return await keptCheckpoint(place, answer, input.ends);
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      return { full: true, cluster: error.message };
    }
  };
