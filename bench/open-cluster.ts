import { chooseProvider } from "../test/cluster/choose.ts";
import { connectCluster } from "../test/cluster/cluster.ts";
import type { TestCluster } from "../test/cluster/types.ts";

/** Starts the tests' cluster, unless it is running. */
export async function openCluster(): Promise<{ cluster: TestCluster; down: () => Promise<void> }> {
  const provider = await chooseProvider();
  const started = await provider.up((line) => process.stderr.write(`bench: ${line}\n`));
  const description = await provider.describe();
  if (!description) throw new Error("there is no cluster");
  return { cluster: connectCluster(description), down: async () => (started ? provider.down() : undefined) };
}
