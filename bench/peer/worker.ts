/** The peer's worker, as a process: `node bench/peer/worker.ts ADDRESS BUBBLEWRAP`. */
import { fileURLToPath } from "node:url";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { createPeerActivities } from "./activities.ts";

const [address = "", bubblewrap = "", taskQueue = "peer"] = process.argv.slice(2);
Runtime.install({ telemetryOptions: { logging: { forward: {}, filter: "WARN" } }, shutdownSignals: ["SIGTERM"] });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
  activities: createPeerActivities(bubblewrap),
  // The settings of kgents' own worker: the comparison is about the work of a run, not about tuning.
  workflowTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
  activityTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
});
process.stdout.write("ready\n");
await worker.run();
await connection.close();
