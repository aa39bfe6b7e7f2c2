/** What stops parts of the cluster, so that no other test may use it meanwhile. In one file, since files run at the same time. */
import { describe } from "vitest";

describe("the test cluster", async () => {
  await import("./alone/cluster.ts");
});
describe("the canary", async () => {
  await import("./alone/infra-verdict.ts");
});
describe("outages", async () => {
  await import("./alone/outages.ts");
});
