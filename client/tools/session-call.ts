/**
 * Calls of a session as a tool of a language model.
 *
 * @module
 */
import { buffer } from "node:stream/consumers";
import { KgentsError } from "#core/contract/error";
import type { ExecutionRequest } from "#core/contract/request";
import { runCallSchema } from "#core/contract/session/calls";
import type { CallResult, DisplayContent, SessionState } from "#core/contract/session/result";
import { sessionSchema } from "#core/contract/session/session";
import type { ArtifactStore } from "#platform/store/artifact-store";
import type { Quartermaster } from "../sdk/quartermaster.ts";
import type { CodeSession } from "../sdk/sessions/code-session.ts";
import { pictureTypeOf } from "./output-files.ts";
import { inLine } from "./quote.ts";

/** Maximum size of a picture that a model is shown, and of all of one call, in bytes. */
const maximumPictureBytes = 1024 * 1024;
/** Maximum length of a text that a model is shown of one value. */
const maximumTextLength = 8 * 1024;

/** A picture that a call has shown. */
export interface Picture {
  readonly base64: string;
  readonly mediaType: "image/png" | "image/jpeg";
}

/** What a call has shown, as far as a model can read it. */
export interface Shown {
  /** Written by the code, so it must be quoted. */
  readonly texts: readonly string[];
  readonly pictures: readonly Picture[];
  /** Remarks of ours. */
  readonly remarks: readonly string[];
}

/** The session of that name, which is opened if there is none. */
export async function sessionOf(
  quartermaster: Quartermaster,
  id: string,
  request: ExecutionRequest,
): Promise<CodeSession> {
  const fields = Object.entries(request).filter(([name]) => Object.hasOwn(sessionSchema.shape, name));
  return quartermaster.openSession(Object.fromEntries(fields), { id });
}

/**
 * Refuses a session that another requester has opened: two agents that choose the same name must not share variables
 * and files. Requesters name themselves, so that this holds off mistakes only.
 *
 * @throws KgentsError `invalid-request`
 */
export async function refuseForeign(quartermaster: Quartermaster, id: string, requester: string): Promise<void> {
  const owner = await (await quartermaster.getSession(id)).requester();
  if (owner === undefined || owner === requester) return;
  throw new KgentsError(
    "invalid-request",
    `session: got ${inLine(id, 100)}, which ${inLine(owner ?? "another client", 200)} has opened; allowed is a session of ${inLine(requester, 200)}, or a new name`,
    { field: "session", remedy: "Choose another name." },
  );
}

/** The state of a session; undefined if none of that name is open. */
export async function openStateOf(session: CodeSession): Promise<SessionState | undefined> {
  const state = await session.state().catch((error) => {
    if (error instanceof KgentsError && error.code === "not-found") return undefined;
    throw error;
  });
  return state?.status === "closed" ? undefined : state;
}

/** Refuses code of another language than that of a session that is open. */
async function checkLanguage(session: CodeSession, wanted: string | undefined): Promise<void> {
  if (wanted === undefined) return;
  const language = (await openStateOf(session))?.language ?? null;
  if (language === null || language === wanted.toLowerCase()) return;
  throw new KgentsError(
    "invalid-request",
    `language: got ${inLine(wanted, 40)}; allowed is ${inLine(language, 40)}, the language of the session`,
    { field: "language", remedy: "Use the name of another session for another language." },
  );
}

/**
 * Runs code in a session.
 *
 * @param signal interrupts the call
 * @throws KgentsError
 */
export async function runInSession(
  quartermaster: Quartermaster,
  id: string,
  request: ExecutionRequest,
  signal: AbortSignal | undefined,
): Promise<CallResult> {
  signal?.throwIfAborted();
  const session = await sessionOf(quartermaster, id, request);
  await checkLanguage(session, request.language);
  const fields = Object.entries(request).filter(([name]) => Object.hasOwn(runCallSchema.shape, name));
  return session.run(Object.fromEntries(fields), { signal });
}

async function bytesOf(content: DisplayContent, store: ArtifactStore | undefined): Promise<Buffer | undefined> {
  if (content.data !== undefined) return Buffer.from(content.data, "base64");
  if (!store || content.ref === null) return undefined;
  return buffer(store.read(content.ref, 0, content.bytes));
}

/** Reads a picture that code has shown. Returns why a model cannot see it, if so: the code chose its type and size. */
async function pictureOf(
  mediaType: Picture["mediaType"],
  content: DisplayContent,
  room: number,
  store: ArtifactStore | undefined,
): Promise<Picture | string> {
  if (content.bytes > room) return `A picture of ${content.bytes} bytes is too large to be shown here.`;
  const bytes = await bytesOf(content, store);
  if (bytes === undefined) return "A picture is not shown: the artifact store that has it is not available here.";
  if (pictureTypeOf(bytes) !== mediaType) return `A value that was shown as ${mediaType} is none.`;
  return { base64: bytes.toString("base64"), mediaType };
}

/** Chooses what a model is shown of the values of a call: pictures, and otherwise their text. */
export async function showDisplays(result: CallResult, store: ArtifactStore | undefined): Promise<Shown> {
  const texts: string[] = [];
  const pictures: Picture[] = [];
  const remarks: string[] = [];
  let bytes = 0;
  for (const display of result.displays) {
    const mediaType = (["image/png", "image/jpeg"] as const).find((type) => display[type]);
    const content = mediaType && display[mediaType];
    const picture = mediaType && content && (await pictureOf(mediaType, content, maximumPictureBytes - bytes, store));
    if (typeof picture === "object") {
      bytes += content?.bytes ?? 0;
      pictures.push(picture);
      continue;
    }
    if (picture) remarks.push(picture);
    const text = (display["text/markdown"] ?? display["text/plain"])?.data;
    if (text !== undefined)
      texts.push(text.length > maximumTextLength ? `${text.slice(0, maximumTextLength)}...` : text);
    else if (!picture) remarks.push("A value is too long to be shown here.");
  }
  if (result.displaysOmitted > 0) remarks.push(`${result.displaysOmitted} more values are not shown.`);
  return { texts, pictures, remarks };
}

/** What a model must know of the state of a session. */
export function stateInWords({ restored, kernel, call }: CallResult): readonly string[] {
  if (restored) {
    const files = restored.checkpoint
      ? `Its files are those of ${restored.checkpoint.at}.`
      : "Its files are gone, too.";
    return [
      `The session continues in another cell, because ${inLine(restored.reason)}. Variables of earlier calls are gone. ${files}`,
    ];
  }
  if (call === 1) return ["This is the first call of the session: there are no variables of earlier calls."];
  return kernel === "new" ? ["The interpreter is a new one: variables of earlier calls are gone."] : [];
}
