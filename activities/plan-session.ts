import type { CellPlan } from "#cells/cell-plan";
import { applyPolicy, lowerDefaults } from "#core/configuration/policy";
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import { findLanguage, type Language } from "#core/contract/language";
import { parseReadFiles, parseRemoveFiles, parseRunCall, parseWriteFiles } from "#core/contract/session/calls";
import {
  callProgram,
  checkpointProgram,
  listProgram,
  readProgram,
  removeProgram,
  restoreProgram,
  sessionShape,
  writeProgram,
} from "#core/contract/session/programs";
import { parseSession, type SessionSpec } from "#core/contract/session/session";
import type { StoredContent } from "#platform/store/open-content";
import type { ActivityDependencies } from "./dependencies.ts";
import type { Run } from "./plan.ts";
import type { SessionProgram } from "./session-contract.ts";

/** A validated session, and what it means for a cell. */
export interface PlannedSession {
  readonly spec: SessionSpec;
  readonly language: Language;
  readonly cell: CellPlan;
}

/** How much longer than its session a cell may live, in milliseconds: the workflow ends the session, and says why. */
const lifetimeMargin = 60_000;

/** Validates a session against the bounds, the languages and this worker's policy. */
export function planSession(
  { languages, policy }: Pick<ActivityDependencies, "languages" | "policy">,
  session: unknown,
  cellId: string,
  { workflowId, runId }: Run,
  ends: number | null,
): PlannedSession {
  const spec = lowerDefaults(parseSession(session ?? {}), session, policy);
  const language = findLanguage(languages, spec.language);
  applyPolicy(spec, policy);
  const lifetime = lifetimeMargin + (ends === null ? spec.maximumAge : Math.max(0, ends - Date.now()));
  return {
    spec,
    language,
    cell: { cellId, shape: sessionShape(spec, language, lifetime), owner: { workflowId, runId } },
  };
}

/** A program of a session, and the content that it uses. */
export interface PlannedProgram {
  readonly program: Program;
  readonly content: StoredContent;
}

/** Validates what a client wrote of a program. */
export function planProgram(
  { policy }: Pick<ActivityDependencies, "policy">,
  { spec, language }: PlannedSession,
  asked: SessionProgram,
): PlannedProgram {
  switch (asked.kind) {
    case "run": {
      const call = lowerDefaults(parseRunCall(asked.call), asked.call, policy);
      applyPolicy({ timeout: call.timeout }, policy);
      return { program: callProgram(call, spec, language), content: call };
    }
    case "writeFiles": {
      const files = parseWriteFiles(asked.call);
      return { program: writeProgram(files), content: { files } };
    }
    case "readFiles":
      return { program: readProgram(parseReadFiles(asked.call)), content: { files: [] } };
    case "listFiles":
      return { program: listProgram(), content: { files: [] } };
    case "removeFiles":
      return { program: removeProgram(parseRemoveFiles(asked.call)), content: { files: [] } };
    case "checkpoint":
      return { program: checkpointProgram(asked.when), content: { files: [] } };
    case "restore":
      if (asked.checkpoint.ref === null) throw new KgentsError("internal", "a checkpoint without files was restored");
      return { program: restoreProgram(asked.checkpoint), content: { files: [] } };
  }
}
