import { proxyActivities } from "@temporalio/workflow";
import type { createPeerActivities } from "./activities.ts";

const { before, run, after } = proxyActivities<ReturnType<typeof createPeerActivities>>({ startToCloseTimeout: "1m" });

/** Three activities in sequence, whose middle one spawns a bare sandbox: what a run costs without all that kgents does. */
export async function peer(): Promise<string> {
  await before();
  const output = await run();
  await after();
  return output;
}
