import { KgentsError } from "#core/contract/error";
import { faultInLimits, type InputFault } from "#core/contract/workflow-inputs";

/**
 * Refuses an input that is out of its bounds.
 *
 * @throws KgentsError `invalid-request`
 */
export function refuse(fault: InputFault | undefined): void {
  if (fault !== undefined) throw new KgentsError("invalid-request", fault.message, { field: fault.field });
}

/** Checks the limits of an input, because workflows of 0.1.0 pass them on unchecked. */
export function checkedLimits<Input extends { readonly limits?: unknown }>(input: Input): Input {
  refuse(faultInLimits(input.limits));
  return input;
}
