import { toKgentsError } from "../failure.ts";
import { inLine } from "./quote.ts";

/** A failure as programs read it. */
export interface ToolFailure {
  readonly kind: string;
  readonly message: string;
  /** The field that was refused, where there is one. */
  readonly field: string | null;
  readonly remedy: string;
}

/** The failure that an error means. */
export function failureOf(error: unknown, id = ""): ToolFailure {
  const { code, message, field = null, remedy } = toKgentsError(error, id);
  return { kind: code, message, field, remedy };
}

/** A message may carry what others wrote: it stays on its line. */
const onOneLine = (text: string): string => inLine(text, 2000).slice(1, -1).replaceAll('\\"', '"');

/** Says a failure so that a model knows what to change. */
export function describeFailure({ kind, message, field, remedy }: ToolFailure): string {
  return [
    `error: ${kind}`,
    `message: ${onOneLine(message)}`,
    ...(field === null ? [] : [`field: ${onOneLine(field)}`]),
    `what to do: ${onOneLine(remedy)}`,
  ].join("\n");
}
