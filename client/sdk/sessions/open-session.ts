import type { Client } from "@temporalio/client";
import { aboutOf } from "#core/contract/about";
import { aboutMemo } from "#core/contract/names";
import { parseSession, type SessionRequest } from "#core/contract/session/session";
import { prose } from "#core/text/markdown";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { idOf } from "../start-execution.ts";
import { type CodeSession, codeSession } from "./code-session.ts";
import { sessionUpdatesOf } from "./session-updates.ts";

/** Options of a session. */
export interface SessionOptions {
  /**
   * The session's id. If a session with this id is open, it is used, whatever it was opened with.
   *
   * @default a new one, such as `session-mhz3k1q2-4f9c2a7b10`
   */
  readonly id?: string | undefined;
}

/**
 * The handle of a session that its first update starts.
 *
 * @throws KgentsError `invalid-request`
 */
export function openCodeSession(
  client: Client,
  taskQueue: string,
  store: ArtifactStore | undefined,
  session: SessionRequest,
  options: SessionOptions,
): CodeSession {
  const { language } = parseSession(session);
  const id = idOf(options.id, "session");
  const memo = { [aboutMemo]: { ...aboutOf(session), title: "session" } };
  const summary = `session · ${prose(language)}`;
  return codeSession(id, sessionUpdatesOf(client, id, { session, taskQueue, memo, summary }), store, { closes: true });
}

/** The handle of a session that any client has opened. */
export const existingCodeSession = (client: Client, store: ArtifactStore | undefined, id: string): CodeSession =>
  codeSession(idOf(id, "session"), sessionUpdatesOf(client, id, undefined), store, { closes: false });
