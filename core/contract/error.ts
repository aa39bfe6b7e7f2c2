import { type FailureKind, failureKinds } from "./failure.ts";

/**
 * The one error class of kgents. `code` says which failure it is, `message` what happened, `remedy` what to do next.
 */
export class KgentsError extends Error {
  /** The failure kind: stable, meant to be branched on. */
  readonly code: FailureKind;
  /** The field of the request or the flag that was refused, where there is one. */
  readonly field: string | undefined;
  /** What a person can do about it: the error's own remedy, or the general one of its kind. */
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
// Inherited and non-enumerable, as the built-in errors have it, so that it does not appear when an error is logged.
Object.defineProperty(KgentsError.prototype, "name", { value: "KgentsError", configurable: true, writable: true });
