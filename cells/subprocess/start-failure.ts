import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import type { ProgramContext } from "../provider.ts";

/** The failure of a program whose sandbox did not start, unless the error says more. */
export function asStartFailure(error: unknown, context: ProgramContext): unknown {
  if (error instanceof KgentsError || context.abandoned.aborted) return error;
  const reason = messageOf(error);
  return new KgentsError("cell-start", `the sandbox could not be started: ${reason}`, { cause: error });
}
