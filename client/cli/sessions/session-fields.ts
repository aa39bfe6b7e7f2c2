import type { ExecutionRequest } from "#core/contract/request";
import type { RunCall } from "#core/contract/session/calls";
import { runCallSchema } from "#core/contract/session/calls";
import { type SessionRequest, sessionSchema } from "#core/contract/session/session";
import { refuse } from "../exec/code-source.ts";

/** The call and the session that the flags of `kgents exec` mean. */
export interface SessionParts {
  readonly call: RunCall;
  readonly session: SessionRequest;
}

/**
 * Divides a request between a call and the session that it runs in.
 *
 * @param creates whether the session may be created; otherwise its fields are refused, because they would have no effect
 */
export function partsOf(request: ExecutionRequest, creates: boolean): SessionParts {
  const fields = Object.entries(request);
  const pick = (shape: object) => Object.fromEntries(fields.filter(([name]) => Object.hasOwn(shape, name)));
  const others = fields.map(([name]) => name).filter((name) => !Object.hasOwn(runCallSchema.shape, name));
  for (const name of others) {
    if (!Object.hasOwn(sessionSchema.shape, name)) {
      throw refuse(`--${name}`, "got a value; allowed is none with --session", "Leave it out.");
    }
    // The language says what the code is, and is compared with that of the session.
    if (!creates && name !== "language") {
      throw refuse(`--${name}`, "got a value; allowed is none for a session that exists", "Leave it out, or --create.");
    }
  }
  return { call: pick(runCallSchema.shape), session: pick(sessionSchema.shape) };
}
