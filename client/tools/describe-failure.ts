import type { RunFailure } from "../sdk/failure.ts";
import { inLine } from "./quote.ts";

/** Keeps a message on one line, since it may contain untrusted text. */
const onOneLine = (text: string): string => inLine(text, 2000).slice(1, -1).replaceAll('\\"', '"');

/** Describes a failure so that a model knows what to change. */
export function describeFailure({ kind, message, field, remedy }: RunFailure): string {
  return [
    `error: ${kind}`,
    `message: ${onOneLine(message)}`,
    ...(field === null ? [] : [`field: ${onOneLine(field)}`]),
    `what to do: ${onOneLine(remedy)}`,
  ].join("\n");
}
