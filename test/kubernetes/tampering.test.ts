/** Code that attacks its own cell: the result is correct and in time, and the worker continues. */
import { describe, expect, test } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import { type ExecutionResult, maximumStreamBytes } from "#core/contract/result";
import { useClusterWorker } from "./support.ts";

const here = useClusterWorker();

/** Stops PID 1 with ptrace, which the code may do: it has the same uid. */
const stopFirst = "import ctypes; print(ctypes.CDLL(None).ptrace(16, 1, 0, 0), flush=True)";
/** Kills PID 1 with ptrace: it dies when its tracer exits. */
const killFirst = "import ctypes; print(ctypes.CDLL(None).ptrace(0x4206, 1, 0, 0x100000), flush=True)";
/** Writes until an error, then prints the error and the number of MiB written. */
const fill = (path: string): string => `
n = 0
try:
    with open(${JSON.stringify(path)}, "wb", buffering=0) as file:
        while n < 1 << 28: n += file.write(bytes(1 << 16))
except OSError as error: print(error.errno, n >> 20, flush=True)`;
const stay = "\nimport time\ntime.sleep(600)";
const killAll = "import os, signal\nos.kill(-1, signal.SIGKILL)\n";
const killGroup = "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.kill(0, signal.SIGTERM)";

interface Case {
  readonly name: string;
  readonly request: ExecutionRequest;
  readonly result: Partial<Record<keyof ExecutionResult, unknown>>;
  /** From its start to its end. */
  readonly seconds: number;
}

const diskLimit = { status: "failed", reason: expect.stringContaining("disk limit") };
const whole = { bytes: maximumStreamBytes, truncated: true };

const cases: readonly Case[] = [
  {
    name: "the supervisor stopped by a debugger: the cell's clock wakes it",
    request: { code: stopFirst, timeout: 3 },
    result: { status: "succeeded", stdout: { text: "0\n" } },
    seconds: 15,
  },
  {
    name: "the supervisor stopped and its clock killed: the worker's clock wakes it",
    request: { code: `${killAll}${stopFirst}${stay}`, timeout: 3 },
    result: { status: "timed-out", exitCode: 137, stdout: { text: "0\n" } },
    seconds: 20,
  },
  {
    name: "the supervisor killed by a debugger",
    request: { code: `${killFirst}\nimport time\ntime.sleep(0.5)` },
    result: { status: "lost", stdout: { text: "0\n" }, reason: expect.stringContaining("the cell ended") },
    seconds: 15,
  },
  {
    name: "the watchdogs killed by way of their process group",
    request: { code: `import os, signal\n${killGroup}\nprint("on", flush=True)${stay}`, timeout: 3 },
    result: { status: "timed-out", stdout: { text: "on\n" } },
    seconds: 20,
  },
  {
    name: "the node's file for last words filled",
    request: { code: fill("/dev/termination-log") + stay, disk: "8Mi" },
    result: diskLimit,
    seconds: 15,
  },
  {
    name: "the same without a meter: the size of a file has a bound",
    request: { code: killAll + fill("/dev/termination-log"), disk: "8Mi" },
    result: { status: "succeeded", stdout: { text: "27 72\n" } },
    seconds: 15,
  },
  {
    name: "the run directory filled",
    request: {
      code: `${Array.from({ length: 6 }, (_, index) => fill(`/run/kgents/own${index}`)).join("")}${stay}`,
      disk: "8Mi",
    },
    result: diskLimit,
    seconds: 30,
  },
  {
    name: "/dev/shm filled",
    request: { code: fill("/dev/shm/file"), memory: "256Mi" },
    result: { status: "succeeded", stdout: { text: "28 64\n" } },
    seconds: 15,
  },
  {
    name: "stderr without end",
    request: { code: "yes >&2", language: "sh", timeout: 60 },
    result: { status: "output-limit", stderr: expect.objectContaining(whole) },
    seconds: 45,
  },
  {
    name: "output of both streams at the time limit",
    request: { code: "printf out; printf err >&2; trap '' TERM; sleep 600", language: "sh", timeout: 2 },
    result: { status: "timed-out", stdout: { text: "out" }, stderr: { text: "err" }, signal: "SIGKILL" },
    seconds: 15,
  },
  {
    name: "a grandchild of nobody that outlives the code",
    request: { code: "( ( sleep 600 & ) & ) ; echo over", language: "sh" },
    result: { status: "succeeded", stdout: { text: "over\n" } },
    seconds: 10,
  },
];

describe.concurrent("against its own cell", () => {
  test.each(cases)("$name", { timeout: 180_000 }, async ({ request, result, seconds }) => {
    const came = await here.worker.run({ cpu: 1, ttl: 1, startupTimeout: 150, ...request });
    expect(came).toMatchObject(result);
    const { started, finished } = came.timings;
    expect(Date.parse(finished) - Date.parse(started ?? "")).toBeLessThan(seconds * 1000);
  });
});

test("the worker goes on, and nothing is left", async () => {
  expect(await here.worker.run({ code: "echo fine", language: "sh", ttl: 1 })).toMatchObject({
    stdout: { text: "fine\n" },
  });
  await expect.poll(() => here.namespace.left(), { timeout: 60_000, interval: 1000 }).toEqual([]);
});
