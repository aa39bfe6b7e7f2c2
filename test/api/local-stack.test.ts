/** The API on a machine without a running stack: it starts the local stack itself. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { Quartermaster } from "#client/index";
import { freshMilliseconds } from "#client/sdk/session";
import { killNow } from "../stack/support.ts";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  for (const name of Object.keys(process.env)) if (/^(TEMPORAL_|KGENTS_)/.test(name)) delete process.env[name];
  Object.assign(process.env, terminal.environment);
});
afterAll(() => terminal[Symbol.asyncDispose]());

test("without a server, a worker, or a configuration", async () => {
  const said: string[] = [];
  await using quartermaster = new Quartermaster({ onProgress: (line) => said.push(line) });
  expect(await quartermaster.execute({ code: "print('hello')" })).toMatchObject({ stdout: { text: "hello\n" } });
  expect(said).toEqual([expect.stringMatching(/^starting Temporal /), "starting a worker ..."]);
});

test("a worker that died meanwhile is replaced, over the same Quartermaster", async () => {
  await using quartermaster = new Quartermaster();
  expect(await quartermaster.isServed()).toBe(true);
  await killNow(JSON.parse(await readFile(join(terminal.state, "worker.json"), "utf8")).pid);
  await delay(freshMilliseconds);
  expect(await quartermaster.execute({ code: "print('again')" })).toMatchObject({ stdout: { text: "again\n" } });
});

test("in a namespace of its own", async () => {
  await using quartermaster = new Quartermaster({ namespace: "apart" });
  const { id } = await quartermaster.execute({ code: "print('apart')" });
  expect(await (await quartermaster.get(id)).result()).toMatchObject({ stdout: { text: "apart\n" } });
  await using usual = new Quartermaster();
  await expect(usual.get(id)).rejects.toMatchObject({ code: "not-found" });
});
