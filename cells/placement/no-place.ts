import { KgentsError } from "#core/contract/error";

/** There is no place for a cell now, but there may be one later. Nothing was started. */
export class NoPlace extends KgentsError {
  /** @param why which limit is reached, in a phrase */
  constructor(why: string, options: { readonly cause?: unknown } = {}) {
    super("quota-exceeded", why, options);
  }
}
