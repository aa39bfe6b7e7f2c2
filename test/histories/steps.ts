import { Context } from "@temporalio/activity";
import { KgentsError } from "#core/contract/error";
import type { FailureKind } from "#core/contract/failure";

/** A step that returns a value. */
export const answers =
  <Value>(value: Value) =>
  (): Value =>
    value;

/** A step that fails with a failure kind of ours. */
export const fails = (kind: FailureKind) => (): never => {
  throw new KgentsError(kind, `made to fail as ${kind}`);
};

/** A step that waits until its activity is cancelled, and then returns. */
export const untilCancelled =
  <Value>(value: Value) =>
  async (): Promise<Value> => {
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 100);
    await context.cancelled.catch(() => {}).finally(() => clearInterval(beat));
    return value;
  };

/** A step that ends as cancelled. */
export const endsCancelled = async (): Promise<never> => {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  return context.cancelled.finally(() => clearInterval(beat));
};

/** A step whose worker is silent: it sends no heartbeat and does not end before the recording does. */
export const silent = async (): Promise<never> => Context.current().cancelled;
