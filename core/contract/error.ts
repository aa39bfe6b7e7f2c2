import { type FailureKind, failureKinds } from "./failure.ts";

/**
 * The one error class of kgents. `code` is the failure kind, `message` describes what happened, `remedy` what to do
 * next.
 */
export class KgentsError extends Error {
  /** The failure kind. Stable: callers can branch on it. */
  readonly code: FailureKind;
  /** The field of the request or the flag that was refused, if any. */
  readonly field: string | undefined;
  /** What the user can do: the error's own remedy, or the default of its kind. */
  readonly remedy: string;

  constructor(
    code: FailureKind,
    message: string,
    options: { cause?: unknown; field?: string | undefined; remedy?: string | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.remedy = options.remedy ?? failureKinds[code].remedy;
  }
}
// Inherited and non-enumerable, as with the built-in errors, so that it does not appear when an error is logged.
Object.defineProperty(KgentsError.prototype, "name", { value: "KgentsError", configurable: true, writable: true });
