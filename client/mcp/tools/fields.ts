import { textLike } from "#core/contract/fields";

/** The id of an existing run, whichever client started it. */
export const idField = () =>
  textLike(/^[\x21-\x7e]{1,200}$/, "the id of a run, as returned by start_code, run_code or list_executions").describe(
    "The id of a run, as returned by start_code, run_code or list_executions.",
  );
