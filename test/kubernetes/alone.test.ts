/**
 * What stops parts of the cluster, so that no other test may use it meanwhile, and what takes its time with the cluster alone. In one
 * file, since files run at the same time.
 */
import { describe } from "vitest";

describe("the test cluster", async () => {
  await import("./alone/cluster.ts");
});
describe("its second node", async () => {
  await import("./alone/second-node.ts");
});
describe("the canary", async () => {
  await import("./alone/infra-verdict.ts");
});
describe("outages", async () => {
  await import("./alone/outages.ts");
});
