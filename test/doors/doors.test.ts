/** All clients on the local sandbox. On a cluster: test/kubernetes/doors.test.ts. */
import { afterAll, beforeAll, describe, inject } from "vitest";
import { createCommandLine } from "../support/command-line.ts";
import { leftoversOf } from "../support/leftovers.ts";
import type { Doors } from "./doors.ts";
import { testMcpTools } from "./mcp-tools.ts";
import { testPrograms } from "./programs.ts";
import { testRunControl } from "./run-control.ts";

let doors: Doors;
beforeAll(async () => {
  const terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  await terminal.run(["up", "--quiet"]);
  doors = {
    terminal,
    backend: "subprocess",
    level: "sandbox",
    remark: "",
    impossible: {
      flags: ["--backend", "kubernetes"],
      kind: "backend-unavailable",
      remedy: "Choose another --backend",
    },
    leftOf: async (cellId) => {
      const { cells, mounts } = await leftoversOf(terminal.state);
      return [...cells, ...mounts].filter((name) => name.includes(cellId));
    },
  };
});
afterAll(() => doors.terminal[Symbol.asyncDispose]());

describe("the command line", () => testRunControl(() => doors));
describe("MCP", () => testMcpTools(() => doors));
describe("programs", () => testPrograms(() => doors));
