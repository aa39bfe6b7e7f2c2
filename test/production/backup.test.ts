/** The backups of docs/production.md: a dump of the databases restores runs and their results on another server. */
import { randomUUID } from "node:crypto";
import { expect, inject, it } from "vitest";
import { createCommandLine } from "../support/command-line.ts";
import { startProductionStack } from "./stack.ts";

const programs = inject("productionPrograms");

it("a server that is made again from the dump knows the runs that were, and starts none of them again", async () => {
  const id = `kept-${randomUUID()}`;
  const run = ["exec", "--id", id, "--code", "import time; print(time.time_ns())"];
  let dump: string;
  let said: string;
  {
    const stack = await startProductionStack(programs, { profile: "dev" });
    try {
      await using commandLine = await createCommandLine({ environment: stack.environment });
      expect(await commandLine.run(["admin", "setup"])).toMatchObject({ code: 0 });
      const { code, stdout } = await commandLine.run(run);
      expect(code).toBe(0);
      said = stdout;
      dump = await stack.postgres.dump();
    } finally {
      await stack.stop();
    }
  }
  const stack = await startProductionStack(programs, { profile: "dev", dump });
  try {
    await using commandLine = await createCommandLine({ environment: stack.environment });
    const setup = await commandLine.run(["admin", "setup"]);
    expect(setup.stderr).toContain("nothing had to be done");
    const shown = await commandLine.run(["show", id, "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ status: "succeeded", result: { stdout: { text: said } } });
    expect(await commandLine.run(run)).toMatchObject({ code: 0, stdout: said });
    expect((await commandLine.run(["ps", "--all"])).stdout).toContain(id);
  } finally {
    await stack.stop();
  }
}, 120_000);
