/** Programs 1, 2, 3 in one cell, in both modes. */
import { readdir } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import { childrenOf } from "#cells/subprocess/lasting/kill-children";
import { checkAnswer, programs, sh } from "../support/programs.ts";
import { brokenArtifact } from "../support/run-on-provider.ts";
import { endWithoutLeftovers, processesWith } from "./helpers/leftovers.ts";
import { everyone, startWorker, type TestCell, type TestWorker } from "./helpers/worker.ts";

const shell = { code: ":", language: "sh", cpu: 2 } as const;

/** Runs programs 1, 2, ... of a cell, and removes it. */
async function inCell<Value>(worker: TestWorker, use: (cell: TestCell) => Promise<Value>, shape = {}): Promise<Value> {
  const cell = await worker.acquire({ ...shell, ...shape });
  expect(cell.refused).toBeUndefined();
  try {
    return await use(cell);
  } finally {
    await cell.remove();
  }
}

/** The bubblewrap processes of a worker. Other workers of this machine have theirs. */
async function sandboxesOf({ process: { pid = 0 } }: TestWorker): Promise<number[]> {
  const all = await processesWith("/bwrap --args");
  return childrenOf(pid).filter((child) => all.includes(child));
}

/** Without a stop, a limit or a loss. */
const fine = { exit: { code: 0, signal: null }, outOfMemory: false, stopped: null, lost: null };

describe.each(everyone)("many programs in a cell, as %s", (who) => {
  const started = startWorker(who);
  afterAll(async () => endWithoutLeftovers(await started));

  test.each(["sh", "python"])(
    "the programs of every kind, all in one cell of %s",
    { timeout: 240_000 },
    async (language) => {
      const cases = programs.filter(({ request }) => (request.language ?? "python") === language);
      await inCell(
        await started,
        async (cell) => {
          let n = 0;
          for (const { name, request, ...expected } of cases) {
            const answer = await cell.run(++n, { ...request, cpu: 2 });
            try {
              checkAnswer(answer, expected);
            } catch (error) {
              throw new Error(`${name}: ${String(error)}`, { cause: error });
            }
            // An expected output is of one program, not of those before.
            const clear =
              language === "sh"
                ? "find . -mindepth 1 -delete"
                : "import shutil, os\nfor n in os.listdir('.'): shutil.rmtree(n, True); os.path.isfile(n) and os.remove(n)";
            checkAnswer(await cell.run(++n, { code: clear }), {});
          }
        },
        { language, memory: "512Mi" },
      );
    },
  );

  test("files stay; streams, stdin, arguments, environment and outputs are each program's own", async () => {
    const code =
      'echo $1 $NAME $(cat) >>log; echo $1 >>/tmp/log; cat log /tmp/log; echo err $1 >&2; echo $1 >$1.out; exit "$1"';
    await inCell(await started, async (cell) => {
      for (const n of [1, 2, 3]) {
        const lines = [1, 2, 3].slice(0, n);
        const request = {
          code,
          args: [`${n}`],
          env: n === 2 ? {} : { NAME: `name${n}` },
          stdin: `in${n}`,
          outputs: [`${n}.*`],
        };
        checkAnswer(await cell.run(n, request), {
          code: n,
          stdout: [
            ...lines.map((m) => `${m} ${m === 2 ? "" : `name${m} `}in${m}\n`),
            ...lines.map((m) => `${m}\n`),
          ].join(""),
          stderr: `err ${n}\n`,
          files: { [`${n}.out`]: `${n}\n` },
        });
      }
    });
  });

  test("what a program leaves running is gone before the next one", async () => {
    const mark = who === "root" ? "76541" : "76542";
    await inCell(await started, async (cell) => {
      const code = `setsid sleep ${mark} & (trap '' TERM HUP; sleep ${mark}; sleep ${mark}) & nohup sleep ${mark} >/dev/null 2>&1 &\nwhile [ $(ps ax | grep -c "[s]leep ${mark}") -lt 3 ]; do :; done; echo left`;
      checkAnswer(await cell.run(1, { code }), { stdout: "left\n" });
      expect(await processesWith(`sleep ${mark}`)).toEqual([]);
      const { stdout } = await cell.run(2, {
        code: "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ls /proc | grep -c '^[0-9]'",
      });
      expect(stdout.toString()).not.toContain(mark);
      // The supervisor, its clock in two processes, and the program with its own children.
      expect(Number(stdout.toString().trim().split("\n").at(-1)?.match(/\d+$/)?.[0])).toBeLessThan(9);
    });
  });

  test.each<readonly [string, string]>([
    ["that ignores signals", "trap '' TERM INT; setsid sleep 600 & sleep 600"],
    ["that is a fork bomb", "bomb() { bomb | bomb & }\nbomb 2>/dev/null\nsleep 600"],
    ["that kills all it can", "kill -9 -1; kill -9 1; trap '' TERM; sleep 600 & sleep 600"],
  ])("the time limit of a program %s is not that of the next", { timeout: 90_000 }, async (_name, code) => {
    await inCell(
      await started,
      async (cell) => {
        checkAnswer(await cell.run(1, { code: "echo kept >kept" }), {});
        const { outcome, stdout } = await cell.run(2, { code: `echo begin; ${code}`, timeout: 2 });
        expect({ outcome, stdout: stdout.toString() }).toMatchObject({
          outcome: { exit: null, lost: null },
          stdout: "begin\n",
        });
        checkAnswer(await cell.run(3, { code: "cat kept" }), { stdout: "kept\n" });
      },
      { language: "bash" },
    );
  });

  test("the clock inside ends one program while the worker stands still, and the next one runs", {
    timeout: 90_000,
  }, async () => {
    const worker = await startWorker(who);
    const mark = who === "root" ? "76543" : "76544";
    const { pid } = worker.process;
    if (pid === undefined) throw new Error("the worker has no process");
    try {
      await inCell(worker, async (cell) => {
        checkAnswer(await cell.run(1, { code: "echo kept >kept" }), {});
        const running = cell.run(2, { code: `exec sleep ${mark}`, timeout: 2 });
        await expect.poll(() => processesWith(`sleep ${mark}`)).not.toEqual([]);
        process.kill(pid, "SIGSTOP");
        await expect.poll(() => processesWith(`sleep ${mark}`)).toEqual([]);
        process.kill(pid, "SIGCONT");
        expect((await running).outcome).toMatchObject({ stopped: { reason: "timed-out" }, lost: null });
        expect((await cell.run(3, { code: "cat kept" })).outcome).toMatchObject(fine);
      });
    } finally {
      await worker.close();
    }
  });

  test("a cancelled program keeps its output, and the next one runs", async () => {
    await inCell(await started, async (cell) => {
      const { outcome, stdout } = await cell.run(
        1,
        { code: "echo before; setsid sleep 600 & sleep 600" },
        { stopAt: "before" },
      );
      expect(stdout.toString()).toBe("before\n");
      expect(outcome).toMatchObject({ exit: null, lost: null });
      checkAnswer(await cell.run(2, { code: "echo after" }), { stdout: "after\n" });
    });
  });

  test("memory is counted for each program", async () => {
    const bomb = "x = []\nwhile True: x.append(bytearray(1 << 20))";
    await inCell(
      await started,
      async (cell) => {
        expect((await cell.run(1, { code: "print(1)" })).outcome).toMatchObject(fine);
        const { outcome } = await cell.run(2, { code: bomb });
        const hasGroups = who === "root" || process.env.KGENTS_TEST_USER_GROUPS === "yes";
        expect(outcome).toMatchObject(
          hasGroups
            ? { outOfMemory: true, exit: { code: 137, signal: "SIGKILL" } }
            : { outOfMemory: false, exit: { code: 1 } },
        );
        const after = await cell.run(3, { code: "raise SystemExit(3)" });
        expect(after.outcome).toMatchObject({ ...fine, exit: { code: 3, signal: null } });
        if (hasGroups) expect(after.outcome?.usage.cpuSeconds).toBeLessThan(outcome?.usage.cpuSeconds ?? 0);
      },
      { language: "python", memory: "64Mi", disk: "8Mi" },
    );
  });

  test("no program reads what another one was given", async () => {
    const [early, late] = ["s3cret-of-the-first", "s3cret-of-the-third"];
    const reads =
      "{ cat /.kgents/io/* /proc/*/environ /proc/*/cmdline; for f in /proc/1/fd/* /proc/1/mem; do timeout 1 head -c 99999 $f; done; } 2>/dev/null";
    const looks = "find /.kgents/io -mindepth 1 2>&1";
    await inCell(await started, async (cell) => {
      // It tries to go on after its end.
      const poll = `while :; do ${reads}; ${looks}; done >>/tmp/stolen`;
      const code = `setsid sh -c '${poll}' & (trap "" HUP TERM; ${poll}) & sleep 0.5`;
      checkAnswer(await cell.run(1, { code, env: { TOKEN: early }, args: [early], stdin: early }), {});
      const { stdout } = await cell.run(2, { code: `mv /tmp/stolen /tmp/own; ${reads}; ${looks}; wc -c </tmp/own` });
      expect(stdout.toString("latin1")).not.toContain(early);
      expect(stdout.toString()).toMatch(/[1-9]\d*\n$/);
      checkAnswer(await cell.run(3, { code: "sleep 0.5", env: { TOKEN: late }, args: [late], stdin: late }), {});
      const after = await cell.run(4, { code: "cat /tmp/own; cat /tmp/stolen; true" });
      expect(after.stdout.toString("latin1")).not.toContain(late);
      // The pipes have names only while no program runs, and if the worker is root, its directory is closed.
      for (const pipe of ["script", "stdin", "reports"]) {
        expect(`${stdout.toString("latin1")}${after.stdout.toString("latin1")}`).not.toContain(`/.kgents/io/${pipe}`);
      }
      if (who === "root") expect(stdout.toString("latin1")).toContain("Permission denied");
    });
  });

  test("a program has its three streams, which can be opened by name, and nothing else of the worker's", async () => {
    const code = `
import os
for n in sorted(map(int, os.listdir("/proc/self/fd"))):
    if n > 2:
        try: print(os.readlink(f"/proc/self/fd/{n}"))
        except FileNotFoundError: pass
open("/dev/stdout", "w").write("out\\n")
open("/dev/stderr", "w").write("err\\n")
`;
    await inCell(
      await started,
      async (cell) => {
        for (const n of [1, 2, 3]) {
          const request = { code, env: { A: "b" }, stdin: "x", files: [{ name: "f", content: "f" }], outputs: ["f"] };
          const { stdout, stderr } = await cell.run(n, request);
          expect(stdout.toString()).toMatch(/^(?:\/dev\/null\n)*out\n$/);
          expect(stderr.toString()).toBe("err\n");
        }
      },
      { language: "python" },
    );
  });

  test("programs run one at a time, in order, each once", async () => {
    await inCell(await started, async (cell) => {
      const code = "echo begin $1 >>log; sleep 0.2; echo end $1 >>log; cat log";
      const answers = await Promise.all([1, 2, 2, 3].map((n) => cell.run(n, { code, args: [`${n}`] })));
      expect(answers.filter(({ outcome }) => outcome?.lost === null).length).toBe(3);
      expect(answers[3]?.stdout.toString()).toBe("begin 1\nend 1\nbegin 2\nend 2\nbegin 3\nend 3\n");
      for (const n of [1, 2, 3]) expect((await cell.run(n, { code })).outcome?.lost).toContain("started before");
      expect((await cell.run(5, { code: "cat log" })).stdout.toString()).toBe(answers[3]?.stdout.toString());
      expect((await cell.run(4, { code })).outcome?.lost).toContain("program 5");
    });
  });

  test("a program whose files do not fit or do not come is refused, and may be tried again", async () => {
    await inCell(
      await started,
      async (cell) => {
        checkAnswer(await cell.run(1, { code: "echo kept >kept" }), {});
        const file = (sha256: string, bytes: number) => [{ name: "big", content: { artifact: sha256, bytes } }];
        const refused = await cell.run(2, { code: "echo ran >ran", files: file("0".repeat(64), 20_000_000) });
        expect(refused.error).toMatchObject({ code: "invalid-request" });
        const broken = await cell.run(2, { code: "echo ran >ran", files: file(brokenArtifact, 900_000) });
        expect({ error: broken.error?.code, outcome: broken.outcome }).toEqual({ error: "cell-start", outcome: null });
        checkAnswer(await cell.run(2, { code: "ls; cat kept", files: file("0".repeat(64), 900_000) }), {
          stdout: "big\nkept\nmain.sh\nkept\n",
        });
      },
      { disk: "8Mi" },
    );
  });

  test("a sandbox that dies is never replaced", async () => {
    const worker = await started;
    const mark = who === "root" ? "76545" : "76546";
    await inCell(worker, async (cell) => {
      const running = cell.run(1, { code: `exec sleep ${mark}` });
      await expect.poll(() => processesWith(`sleep ${mark}`)).not.toEqual([]);
      const own = await sandboxesOf(worker);
      expect(own).toHaveLength(1);
      for (const bubblewrap of own) process.kill(bubblewrap, "SIGKILL");
      expect((await running).outcome).toMatchObject({
        exit: null,
        lost: expect.stringContaining("killed from outside"),
      });
      expect((await cell.run(2, { code: "echo fresh" })).outcome).toMatchObject({
        lost: expect.stringContaining("gone"),
      });
    });
  });

  test("release ends the sandbox, and so does the end of the cell's lifetime", async () => {
    const worker = await started;
    await inCell(worker, async (cell) => {
      checkAnswer(await cell.run(1, { code: "echo one" }), { stdout: "one\n" });
      expect(await sandboxesOf(worker)).toHaveLength(1);
      await cell.release();
      expect(await sandboxesOf(worker)).toEqual([]);
      expect((await cell.run(2, { code: "echo two" })).outcome?.lost).toContain("released");
    });
    const short = await worker.acquire(shell, { lifetime: 1500 });
    checkAnswer(await short.run(1, { code: "echo one" }), { stdout: "one\n" });
    expect((await short.run(2, { code: "sleep 600" })).outcome?.lost).toContain("lifetime");
    expect((await short.run(3, { code: "echo three" })).outcome?.lost).toContain("lifetime");
    await short.remove();
  });

  test("a hundred programs leave no descriptor in the worker", { timeout: 120_000 }, async () => {
    const worker = await started;
    const open = async (): Promise<number> => (await readdir(`/proc/${worker.process.pid}/fd`)).length;
    await inCell(worker, async (cell) => {
      for (let n = 1; n <= 10; n++) await cell.run(n, { code: "cat; echo $A", stdin: "x", env: { A: "b" } });
      const before = await open();
      for (let n = 11; n <= 110; n++)
        checkAnswer(await cell.run(n, { code: "cat", stdin: "x", env: { A: "b" } }), { stdout: "x" });
      expect(await open()).toBeLessThanOrEqual(before + 2);
    });
  });
});

test("a worker without a sandbox refuses such cells", async () => {
  const worker = await startWorker("user", { unsandboxed: true });
  expect((await worker.acquire(sh(":"))).refused).toBe("sandbox-unavailable");
  await worker.close();
});
