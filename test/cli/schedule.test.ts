/** `kgents schedule`: scheduled runs with Temporal Schedules. */
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const code = ["--lang", "sh", "--code", "echo tick $WHO", "--env", "WHO=tock"];

async function lines(args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await terminal.run(args);
  expect(code, stderr).toBe(0);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

/** The runs that a schedule has started. */
const runsOf = async (id: string) =>
  (await lines(["ps", "--all", "--json"])).filter((run) => String(run.id).startsWith(`${id}-`));

test("a schedule starts runs, one after the other, until it is removed", async () => {
  const created = await terminal.run(["schedule", "create", "ticks", "--every", "1", ...code]);
  expect(created).toMatchObject({ code: 0, stdout: "" });
  expect(created.stderr).toContain("kgents: created the schedule ticks: a run every 1 s\n");
  await expect
    .poll(async () => (await runsOf("ticks")).filter((run) => run.status === "succeeded").length)
    .toBeGreaterThan(1);
  const [entry] = await lines(["schedule", "list"]);
  expect(entry).toMatchObject({
    id: "ticks",
    paused: false,
    language: "sh",
    title: "echo tick $WHO",
    next: expect.any(String),
  });
  const [run] = await runsOf("ticks");
  expect((await terminal.run(["logs", String(run?.id)])).stdout).toBe("tick tock\n");

  expect(await terminal.run(["schedule", "delete", "ticks"])).toMatchObject({
    code: 0,
    stderr: "kgents: removed the schedule ticks\n",
  });
  // Temporal's list is eventually consistent.
  await expect.poll(() => lines(["schedule", "list"])).toEqual([]);
});

test("a paused one starts a run when it is asked to, also beside one that runs", async () => {
  const slow = ["--lang", "sh", "--code", "echo begun; sleep 600", "--timeout", "900"];
  await terminal.run([
    "schedule",
    "create",
    "asked",
    "--cron",
    "0 0 1 1 *",
    "--timezone",
    "Europe/Berlin",
    "--paused",
    ...slow,
  ]);
  // Within one second, in which Temporal would start only one.
  const asked = await Promise.all([1, 2].map(() => terminal.run(["schedule", "trigger", "asked"])));
  expect(asked.map(({ code }) => code)).toEqual([0, 0]);
  const third = await terminal.run(["schedule", "trigger", "asked"]);
  await expect.poll(async () => (await runsOf("asked")).map((run) => run.id)).toContain(third.stdout.trim());
  const started = (await runsOf("asked")).length;
  expect(started).toBeGreaterThan(1);
  expect(await lines(["schedule", "list"])).toMatchObject([{ id: "asked", paused: true, next: null }]);
  await terminal.run(["schedule", "delete", "asked"]);
  // Its started runs continue.
  expect((await runsOf("asked")).map((run) => run.status)).toEqual(Array(started).fill("running"));
  await terminal.run(["cancel", "--all", "--yes"]);
});

describe("refused, with exit 2", () => {
  beforeAll(() => terminal.run(["schedule", "create", "taken", "--every", "1h", "--paused", ...code]));
  test.each<[string, string[], RegExp]>([
    ["no time", ["create", "x", ...code], /cron: got neither cron nor every; allowed is one or both/],
    [
      "a time between runs that is too short",
      ["create", "x", "--every", "10ms", ...code],
      /every: got "10ms"; allowed is a duration of at least 1 s/,
    ],
    [
      "a cron expression that is none",
      ["create", "x", "--cron", "noon", ...code],
      /schedule: CronString does not have 5-7 fields\n +Correct --cron/,
    ],
    [
      "a time zone that is none",
      ["create", "x", "--cron", "0 0 * * *", "--timezone", "Mars/Base", ...code],
      /schedule: .*Mars\/Base/i,
    ],
    ["a request that is wrong", ["create", "x", "--every", "1h", ...code, "--cpu", "much"], /cpu: got "much"/],
    ["an id that is taken", ["create", "taken", "--every", "1h", ...code], /id: the schedule taken exists already/],
    [
      "an overlap that is none",
      ["create", "x", "--every", "1h", "--overlap", "never", ...code],
      /--overlap.*skip, buffer-one, allow-all, cancel-other/,
    ],
    ["one to delete that is not there", ["delete", "nothing"], /there is no schedule nothing/],
    ["one to trigger that is not there", ["trigger", "nothing"], /there is no schedule nothing/],
  ])("%s", async (_, args, message) => {
    const { code: exit, stderr } = await terminal.run(["schedule", ...args]);
    expect(stderr).toMatch(message);
    expect(exit).toBe(2);
  });
});
