import { proxyActivities } from "@temporalio/workflow";
import type { createPeerActivities } from "./activities.ts";

const { before, run, after } = proxyActivities<ReturnType<typeof createPeerActivities>>({ startToCloseTimeout: "1m" });

/** Three activities in sequence; the middle one starts a bare sandbox. The baseline for the cost of a run. */
export async function peer(): Promise<string> {
  await before();
  const output = await run();
  await after();
  return output;
}
