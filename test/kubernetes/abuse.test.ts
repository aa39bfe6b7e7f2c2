/** Malicious code: each attack ends in time with a correct result, and the next run is unaffected. */

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ProgramOutcome } from "#cells/provider";
import { shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { cellNamespace, cluster, createBackend, useClusterBackend } from "./support.ts";

const inCell = useClusterBackend();

const run = (request: ExecutionRequest) => inCell({ cpu: 1, ...request });
const sh = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  code,
  language: "sh",
  ...more,
});
const python = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({ code, ...more });

type Expected = Partial<Omit<ProgramOutcome, "exit">> & { readonly exit?: object | null };
interface Case {
  readonly name: string;
  readonly request: ExecutionRequest;
  readonly outcome: Expected;
  readonly stdout?: string | RegExp;
  /** Whether no process of its printed uid may be left on the node. */
  readonly nothingLives?: boolean;
  /** The maximum duration, without waiting for its pod. */
  readonly seconds: number;
}

/** Prints the uid it runs as. */
const whoAmI = "import os\nprint(os.getuid(), flush=True)\n";

const killed = { code: 137, signal: "SIGKILL" };
const timedOut: Expected = { exit: killed, stopped: { reason: "timed-out", detail: expect.any(String) as string } };
const diskLimit: Expected = { exit: killed, stopped: { reason: "disk-limit", detail: expect.any(String) as string } };

const cases: readonly Case[] = [
  ...["100m", "1"].map((cpu) => ({
    name: `a fork bomb that goes on where it gets no more processes, with ${cpu}`,
    request: python(`${whoAmI}while True:\n  try: os.fork()\n  except OSError: pass`, {
      ...{ timeout: 5, memory: "256Mi", cpu },
    }),
    outcome: timedOut,
    stdout: /^\d+\n$/,
    nothingLives: true,
    seconds: 15,
  })),
  {
    name: "a fork bomb that has killed the watchdogs",
    request: python(`${whoAmI}os.kill(-1, 9)\nwhile True:\n  try: os.fork()\n  except OSError: pass`, {
      ...{ timeout: 4, memory: "256Mi" },
    }),
    outcome: { exit: killed, lost: null },
    stdout: /^\d+\n$/,
    nothingLives: true,
    seconds: 30,
  },
  {
    name: "a thread bomb",
    request: python(
      "import threading, time\nfor _ in range(300):\n  threading.Thread(target=time.sleep, args=(60,)).start()",
      { timeout: 4, memory: "64Mi" },
    ),
    outcome: { exit: killed },
    seconds: 30,
  },
  {
    name: "a memory bomb of many processes",
    request: sh("for i in 1 2 3 4 5 6; do (x=a; while :; do x=$x$x; done) & done; wait; exit 1", {
      memory: "64Mi",
      timeout: 30,
    }),
    outcome: { outOfMemory: true, lost: null },
    seconds: 40,
  },
  { name: "a busy loop", request: sh("while :; do :; done", { timeout: 2 }), outcome: timedOut, seconds: 10 },
  {
    name: "a sparse file of a pebibyte",
    request: sh("truncate -s 1P sparse 2>/dev/null; echo $?; echo alive"),
    outcome: { lost: null },
    stdout: /alive\n$/,
    seconds: 15,
  },
  {
    name: "files without end in the work directory",
    request: sh("i=0; while :; do head -c 5000000 /dev/zero >f$i; i=$((i+1)); done", { disk: "20Mi", timeout: 30 }),
    outcome: diskLimit,
    seconds: 25,
  },
  {
    name: "files without end in /tmp",
    request: sh("i=0; while :; do head -c 5000000 /dev/zero >/tmp/f$i; i=$((i+1)); done", {
      disk: "20Mi",
      timeout: 30,
    }),
    outcome: diskLimit,
    seconds: 25,
  },
  {
    name: "inodes without end",
    request: python("i = 0\nwhile True:\n  open(f'f{i}', 'w').close(); i += 1", { timeout: 4 }),
    outcome: { exit: killed },
    seconds: 25,
  },
  {
    name: "descriptors without end",
    request: python(
      "held = []\ntry:\n  while True: held.append(open('/dev/null'))\nexcept OSError as e: print(e.errno)",
      {
        timeout: 20,
      },
    ),
    outcome: { lost: null },
    seconds: 30,
  },
  {
    name: "a chunk of 50 MB without a newline",
    request: python("import sys\nsys.stdout.write('x' * 50_000_000)"),
    outcome: { exit: { code: 0, signal: null } },
    stdout: /^x{1000}/,
    seconds: 20,
  },
  {
    name: "a daemon that ignores signals and holds stdout",
    request: sh("(trap '' TERM HUP; setsid sh -c 'trap \"\" TERM; sleep 600') & echo over", { timeout: 20 }),
    outcome: { exit: { code: 0, signal: null } },
    stdout: "over\n",
    seconds: 10,
  },
  {
    name: "collectors killed all the time",
    request: sh("i=0; while [ $i -lt 30 ]; do kill -9 -1; i=$((i+1)); sleep 0.1; done; echo over", { timeout: 30 }),
    outcome: { exit: { code: 0, signal: null } },
    stdout: "over\n",
    seconds: 25,
  },
  {
    name: "the watchdogs killed: the worker's clock ends it",
    request: sh("kill -9 -1; echo on; sleep 600", { timeout: 3 }),
    outcome: { exit: killed },
    stdout: "on\n",
    seconds: 15,
  },
  {
    name: "its own exit marker written while it runs",
    request: sh("echo '0 exit ' >/run/kgents/exit; echo lie; sleep 600", { timeout: 20 }),
    // It can only falsify its own result, and only if that is read before its timeout.
    outcome: { lost: null },
    stdout: "lie\n",
    seconds: 30,
  },
  {
    name: "its exit marker spoilt",
    request: sh("mkdir /run/kgents/exit.new; echo out", { timeout: 5 }),
    outcome: { lost: expect.any(String) as string },
    stdout: "out\n",
    seconds: 100,
  },
  {
    name: "a FIFO in the place of its exit marker",
    request: sh("mkfifo /run/kgents/exit; echo out; sleep 600", { timeout: 3 }),
    // The supervisor replaces it by its own file.
    outcome: { exit: killed, lost: null },
    stdout: "out\n",
    seconds: 60,
  },
  {
    name: "the FIFOs removed",
    request: sh("rm -f /run/kgents/go /run/kgents/done; echo out; sleep 1; exit 5", { timeout: 20 }),
    outcome: { exit: { code: 5, signal: null } },
    stdout: "out\n",
    seconds: 15,
  },
  {
    name: "its output truncated",
    request: sh("echo one; sleep 1; : >/run/kgents/stdout; echo two; sleep 1", { timeout: 20 }),
    outcome: { exit: { code: 0, signal: null } },
    // Output that was followed before is kept; output that the code itself discarded is lost.
    stdout: /^(?:one\n)?(?:two\n)?$/,
    seconds: 20,
  },
  {
    name: "its output replaced by a device without end",
    request: sh("rm /run/kgents/stdout; ln -s /dev/zero /run/kgents/stdout; sleep 1", { timeout: 20 }),
    outcome: {},
    seconds: 120,
  },
];

/** The processes of a uid on the node, if the node can be inspected. */
async function processesOf(uid: string): Promise<string> {
  const found = await cluster.node?.run(["sh", "-c", `grep -ls '^Uid:.${uid}' /proc/[0-9]*/status`]);
  return found?.stdout ?? "";
}

/** Limits the concurrency: more attacks would only wait for the node. */
describe.concurrent("abuse", { concurrent: true }, () => {
  test.each(cases)("$name", { timeout: 180_000 }, async ({ request, outcome, stdout, nothingLives, seconds }) => {
    const answer = await run(request);
    expect(answer.error).toBeNull();
    expect(answer.outcome).toMatchObject(outcome);
    if (typeof stdout === "string") expect(answer.stdout.toString()).toBe(stdout);
    else if (stdout) expect(answer.stdout.toString()).toMatch(stdout);
    expect(answer.milliseconds).toBeLessThan(seconds * 1000 + 15_000);
    // Checked at once: no process may outlive the cleanup.
    if (nothingLives) expect(await processesOf(answer.stdout.toString().trim())).toBe("");
  });
});

test("two workers that take a user id at once never have the same, and a range that is used up means no room", async () => {
  await using namespace = await cellNamespace();
  const spec = parseRequest({ code: "1" });
  const language = findLanguage(builtInLanguages, spec.language);
  const providers = [1, 2].map(() => createBackend(namespace.name, { userIds: { first: 70_000, count: 3 } }));
  const plans = Array.from({ length: 6 }, (_, index) => {
    const cellId = `kgents-${randomUUID().slice(0, 20)}`;
    const owner = { workflowId: cellId, runId: "1" };
    return { cellId, shape: shapeOf(spec, language), owner, provider: providers[index % 2] };
  });
  const acquire = ({ provider, ...plan }: (typeof plans)[number]) => provider?.acquire(plan);
  const [first, ...others] = plans;
  if (first) await acquire(first);
  const ends = await Promise.allSettled(others.map(acquire));
  const jobs = JSON.parse(await namespace.kubectl("get", "jobs", "-o", "json")) as {
    items: { spec: { template: { spec: { securityContext: { runAsUser: number } } } } }[];
  };
  const ids = jobs.items.map(({ spec }) => spec.template.spec.securityContext.runAsUser);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBe(1 + ends.filter(({ status }) => status === "fulfilled").length);
  for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "quota-exceeded" });
  expect(ends.some(({ status }) => status === "rejected")).toBe(true);
  for (const { provider, cellId } of plans) await provider?.remove(cellId);
  expect(await namespace.left()).toEqual([]);
  for (const provider of providers) await provider.close();
});

test("and the next run is as good as ever", async () => {
  const answer = await run(sh("echo fine"));
  expect(answer).toMatchObject({ error: null, outcome: { exit: { code: 0, signal: null }, lost: null } });
  expect(answer.stdout.toString()).toBe("fine\n");
});
