/**
 * Tests that stop parts of the cluster, which no other test may use at the same time, and slow tests that use the
 * cluster alone. They are in one file, because files run concurrently.
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
describe("the loss of its second node", async () => {
  const { testLoss } = await import("./alone/second-node.ts");
  testLoss();
});
describe("an operator in the cluster", async () => {
  await import("./alone/operator.ts");
});
describe("outages", async () => {
  await import("./alone/outages.ts");
});
