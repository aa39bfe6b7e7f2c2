import { randomUUID } from "node:crypto";
import { aboutOf } from "#core/contract/about";
import { aboutMemo } from "#core/contract/names";
import {
  parseReadFiles,
  parseRemoveFiles,
  type ReadFiles,
  type RemoveFiles,
  type RunCall,
  validateRunCall,
  validateWriteFiles,
  type WriteFiles,
} from "#core/contract/session/calls";
import type {
  CallEntry,
  CallResult,
  Checkpoint,
  FilesListed,
  FilesRead,
  Removed,
  SessionEnd,
  SessionState,
  Written,
} from "#core/contract/session/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { offloadRequest } from "../offload.ts";
import type { SessionUpdates } from "./session-updates.ts";

/** The files of a session, in its work directory. */
export interface SessionFiles {
  /** Writes files, also over existing ones. */
  readonly write: (files: NonNullable<WriteFiles["files"]>) => Promise<Written>;
  /** Reads the files that globs match. Small ones have their content in the result, others are in the store. */
  readonly read: (patterns: ReadFiles["patterns"]) => Promise<FilesRead>;
  readonly list: () => Promise<FilesListed>;
  /** Removes files and folders. */
  readonly remove: (names: RemoveFiles["names"]) => Promise<Removed>;
}

/**
 * A session: a cell that keeps files, and in some languages names, between calls. Calls run one at a time, in order of
 * arrival. Every method throws KgentsError: `session-closed` or `not-found` if the session has ended, `session-lost` if
 * its cell is gone and it must not continue in another one.
 */
export interface CodeSession extends AsyncDisposable {
  /** The session's id: the workflow id. */
  readonly id: string;
  /**
   * Runs code. Code that fails is a result. The result says `kernel: "new"` if earlier names are gone, and `restored` if
   * the session continues in another cell.
   *
   * @param call code for the session's kernel, or all fields of a call
   * @param options.signal interrupts this call, and no other one. If it waits, it is withdrawn: its status is `cancelled`
   */
  readonly run: (
    call: string | RunCall,
    options?: { readonly signal?: AbortSignal | undefined },
  ) => Promise<CallResult>;
  readonly files: SessionFiles;
  /** Interrupts the call that runs, as Ctrl-C does. Returns whether one was running. */
  readonly interrupt: () => Promise<boolean>;
  /** Keeps the files of the session now. */
  readonly checkpoint: () => Promise<Checkpoint>;
  /** Ends the session, and removes its cell. A call that runs is cancelled. */
  readonly close: () => Promise<SessionEnd>;
  readonly state: () => Promise<SessionState>;
  /** Who has opened the session, as they said; null if they did not, and undefined if it is not open. */
  readonly requester: () => Promise<string | null | undefined>;
  /** The latest calls, oldest first. */
  readonly calls: () => Promise<readonly CallEntry[]>;
}

/**
 * Creates the handle of a session.
 *
 * @param closes whether the session ends with the scope of `await using`
 */
export function codeSession(
  id: string,
  updates: SessionUpdates,
  store: ArtifactStore | undefined,
  { closes }: { readonly closes: boolean },
): CodeSession {
  const close = async (): Promise<SessionEnd> => updates.send<SessionEnd>("close", {});
  return {
    id,
    run: async (call, { signal } = {}) => {
      const whole: RunCall = typeof call === "string" ? { code: call } : call;
      validateRunCall(whole);
      const argument = await offloadRequest(whole, store);
      signal?.throwIfAborted();
      const updateId = randomUUID();
      // The call goes on if it cannot be interrupted, and its result says how it ended.
      const interrupt = (): void => void updates.send("interrupt", { update: updateId }).catch(() => {});
      signal?.addEventListener("abort", interrupt, { once: true });
      try {
        return await updates.send<CallResult>("run", argument, updateId);
      } finally {
        signal?.removeEventListener("abort", interrupt);
      }
    },
    files: {
      write: async (files) => {
        validateWriteFiles({ files });
        return updates.send<Written>("writeFiles", await offloadRequest({ files }, store));
      },
      read: async (patterns) => {
        parseReadFiles({ patterns });
        return updates.send<FilesRead>("readFiles", { patterns });
      },
      list: async () => updates.send<FilesListed>("listFiles", {}),
      remove: async (names) => {
        parseRemoveFiles({ names });
        return updates.send<Removed>("removeFiles", { names });
      },
    },
    interrupt: async () => (await updates.send<{ interrupted: boolean }>("interrupt", {})).interrupted,
    checkpoint: async () => (await updates.send<{ checkpoint: Checkpoint }>("checkpoint", {})).checkpoint,
    close,
    state: () => updates.ask<SessionState>("state"),
    requester: async () => {
      const memo = await updates.memo();
      return memo && aboutOf(memo[aboutMemo]).requester;
    },
    calls: () => updates.ask<readonly CallEntry[]>("calls"),
    [Symbol.asyncDispose]: async () => {
      if (!closes || !updates.isStarted()) return;
      await close().catch((error) => {
        if (!updates.isEnded(error)) throw error;
      });
    },
  };
}
