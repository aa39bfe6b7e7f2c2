import type { ServerRecord } from "#platform/host/server-record";
import type { TemporalTarget } from "#platform/temporal/address";
import type { StackContext } from "./stack-context.ts";

/** Whether our server serves with the wanted run-time settings. */
export const isPrepared = (server: ServerRecord, target: TemporalTarget, context: StackContext): boolean =>
  server.serving &&
  server.namespace === target.namespace &&
  server.retentionMilliseconds === context.retentionMilliseconds;
