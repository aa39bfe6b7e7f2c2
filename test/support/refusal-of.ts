import { KgentsError } from "#core/contract/error";

/** The KgentsError that a function throws. Fails if it throws another error or none. */
export function refusalOf(run: () => unknown): KgentsError {
  try {
    run();
  } catch (error) {
    if (error instanceof KgentsError) return error;
    throw error;
  }
  throw new Error("accepted");
}
