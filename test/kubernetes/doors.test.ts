/** All clients on a prepared cluster. On the local sandbox: test/doors/doors.test.ts. */
import { afterAll, beforeAll, describe } from "vitest";
import { cellLabel } from "#core/manifest/cluster-names";
import type { Doors } from "../doors/doors.ts";
import { testMcpTools } from "../doors/mcp-tools.ts";
import { testPrograms } from "../doors/programs.ts";
import { testRunControl } from "../doors/run-control.ts";
import { createTerminal } from "./infra-support.ts";
import { type CellNamespace, cellNamespace } from "./support.ts";

let namespace: CellNamespace;
let doors: Doors;
beforeAll(async () => {
  namespace = await cellNamespace();
  const terminal = await createTerminal();
  const configuration = { defaults: { ttl: 1 }, worker: { kubernetes: { namespace: namespace.name } } };
  await terminal.file("config/kgents/kgents.config.yaml", JSON.stringify(configuration));
  await terminal.run(["up", "--quiet"]);
  doors = {
    ...{ terminal, backend: "kubernetes", level: "cluster", remark: "" },
    impossible: {
      flags: ["--image", "127.0.0.1:5001/none:1", "--startup-timeout", "5"],
      ...{ kind: "image-pull", remedy: "Check the image's name" },
    },
    leftOf: async (cellId) =>
      (await namespace.kubectl("get", "jobs,pods", "-l", `${cellLabel}=${cellId}`, "-o", "name"))
        .split("\n")
        .filter(Boolean),
  };
});
afterAll(async () => {
  await doors?.terminal[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

describe("the command line", () => testRunControl(() => doors));
describe("MCP", () => testMcpTools(() => doors));
describe("programs", () => testPrograms(() => doors));
