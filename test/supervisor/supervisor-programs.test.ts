/** Many programs of one cell: the real supervisor and the real scripts that a worker runs beside it. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { cellScripts, scriptExit } from "#cells/kubernetes/exec/cell-scripts";
import { cellDirectories } from "#core/manifest/cell-pod";
import { renderCommandFile } from "#core/manifest/command-file";
import { parseExitMarker } from "#core/manifest/exit-marker";
import { type Cell, canBePid1, shells, startCell } from "./cell-harness.ts";

const many = { programs: "many" } as const;
const read = async (stream: Readable | null): Promise<string> => (stream ? text(stream) : "");
const sh = (code: string): string[] => ["sh", "-c", code];
const succeeded = { code: 0, signalled: false, stopped: null };

/** Runs program `n` to its end, and returns its marker. */
async function runIn(cell: Cell, n: number, code: string, timeout?: number) {
  await cell.start(sh(code), { n, ...(timeout !== undefined && { timeout }) });
  return parseExitMarker(await cell.appears(`${n}/exit`));
}

describe.each(shells.map((shell) => ({ name: shell.join(" "), shell })))("many programs under $name", ({ shell }) => {
  it("run one after another, each with streams and an end of its own, and files stay", async () => {
    await using cell = startCell(shell, many);
    const streams = (n: number) => [cell.read(`${n}/stdout`), cell.read(`${n}/stderr`)].map(String);
    expect(await runIn(cell, 1, 'echo one; echo first >&2; echo a >file; echo b >"$TMPDIR/file"; exit 3')).toEqual({
      ...{ code: 3, signalled: false, stopped: null },
    });
    expect(streams(1)).toEqual(["one\n", "first\n"]);
    expect(await runIn(cell, 2, 'cat file "$TMPDIR/file"; rm -r "$TMPDIR"; kill -9 $$')).toEqual({
      ...{ code: 137, signalled: true, stopped: null },
    });
    expect(streams(2)).toEqual(["a\nb\n", ""]);
    expect(await runIn(cell, 3, 'echo c >"$TMPDIR/file"; cat file "$TMPDIR/file" >&2')).toEqual(succeeded);
    expect(streams(3)).toEqual(["", "a\nc\n"]);
    await cell.appears("4/go");
    expect(["1", "2", "3", "4"].filter((n) => existsSync(join(cell.run, n)))).toEqual(["3", "4"]);
    expect(await cell.collect()).toBe(0);
  });

  it("take nothing over from each other but files: no stdin, variable or directory", async () => {
    await using cell = startCell(shell, many);
    const stdin = Buffer.from("input");
    await cell.start(sh('cat; export X=1; cd /; echo "$A"'), { stdin, environment: { A: "a" } });
    await cell.appears("1/exit");
    expect(cell.read("1/stdout").toString()).toBe("inputa\n");
    await runIn(cell, 2, 'cat; echo "$A$X"; pwd');
    expect(cell.read("2/stdout").toString()).toBe(`\n${cell.work}\n`);
  });

  it("wait for the next one without an end, and are released at once", async () => {
    await using cell = startCell(shell, { ...many, grace: 0 });
    await runIn(cell, 1, "true");
    await cell.appears("2/go");
    expect(await Promise.race([cell.end(), wait(500, "waiting")])).toBe("waiting");
    await cell.collect();
  });

  it("end with the lifetime of the cell, where none was started", async () => {
    await using cell = startCell(shell, { ...many, lifetime: 300 });
    await cell.appears("1/go");
    expect(await cell.end()).toBe(0);
    expect(cell.read("1/refused").toString()).toContain("lifetime");
  });

  it("end with the lifetime of the cell: the last one's output is kept for the grace", async () => {
    await using cell = startCell(shell, { ...many, lifetime: 3000, grace: 1 });
    const began = Date.now();
    await runIn(cell, 1, "echo kept");
    await cell.appears("2/refused");
    expect(cell.read("1/stdout").toString()).toBe("kept\n");
    expect(await cell.end()).toBe(0);
    expect(Date.now() - began).toBeGreaterThan(3800);
  });

  describe.skipIf(!canBePid1)("as PID 1", () => {
    /** Starts one of the worker's scripts in a cell. */
    const enter = (cell: Cell, script: readonly string[]): ChildProcess => {
      const [, ...args] = script.map((word) => word.replaceAll(cellDirectories.run, cell.run));
      // Leads a process group, as a program that is started by exec does.
      return cell.enter("setsid", ...shell, ...args);
    };
    const end = async (child: ChildProcess): Promise<number | null> => {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      return hasEnded ? child.exitCode : new Promise((resolve) => child.once("exit", resolve));
    };
    /** Follows program `n` as a worker does, with a delivery. */
    const follow = (cell: Cell, n: number, code: string, delivered = true) => {
      const follower = cell.appears("current").then(() => {
        const child = enter(cell, cellScripts.follow(String(n), new Date(0), { stdout: 0, stderr: 0 }));
        const tar = pack();
        tar.entry({ name: join(cell.run.slice(1), String(n), "command") }, renderCommandFile(sh(code), {}));
        child.stdin?.on("error", () => {});
        if (delivered) tar.finalize();
        // No folders lead to files of the work directory.
        if (delivered) child.stdin?.write("\n");
        if (delivered && child.stdin) tar.pipe(child.stdin);
        return { stdout: read(child.stdout), stderr: read(child.stderr), code: end(child) };
      });
      return {
        stdout: follower.then(({ stdout }) => stdout),
        stderr: follower.then(({ stderr }) => stderr),
        code: follower.then((each) => each.code),
      };
    };
    const first = `${new Date(0).toISOString()}\n`;

    it("have each its own time limit", async () => {
      await using cell = startCell(shell, many);
      expect(await runIn(cell, 1, "echo partial; sleep 60", 1200)).toEqual({
        ...{ code: 137, signalled: true, stopped: "timed-out" },
      });
      expect(cell.read("1/stdout").toString()).toBe("partial\n");
      expect(await runIn(cell, 2, "sleep 1.5", 20_000)).toEqual(succeeded);
      expect(await runIn(cell, 3, "sleep 60", 500)).toMatchObject({ stopped: "timed-out" });
    });

    it("are ended at the end of the cell's lifetime", async () => {
      await using cell = startCell(shell, { ...many, lifetime: 2000, grace: 1 });
      await runIn(cell, 1, "true", 60_000);
      expect(await runIn(cell, 2, "sleep 60", 60_000)).toEqual({
        ...{ code: 137, signalled: true, stopped: "lifetime-over" },
      });
      expect(await cell.end()).toBe(0);
    });

    it("begin when all processes of the one before are killed", async () => {
      await using cell = startCell(shell, many);
      await runIn(cell, 1, "setsid sh -c 'while :; do echo x >>daemon; sleep 0.02; done' & sleep 0.2");
      await runIn(cell, 2, "wc -c <daemon; sleep 0.3; wc -c <daemon");
      const [before, after] = cell.read("2/stdout").toString().trim().split("\n");
      expect(Number(before)).toBeGreaterThan(0);
      expect(after).toBe(before);
    });

    it("cannot claim, prepare or forbid the start of a later one", async () => {
      await using cell = startCell(shell, many);
      const forge = `cd "$0"; mkdir -p 2/started/at 3/deep .hidden; mkfifo 2/go 2/exit; rm current; mkdir current
        ln -s /etc 4; echo x >5; chmod 0 2 3; echo "7" >7; : >"$0/1/refused"`;
      await cell.start([...sh(forge), cell.run]);
      expect(parseExitMarker(await cell.appears("1/exit"))).toEqual(succeeded);
      for (const n of [2, 3, 4, 5]) {
        expect(await runIn(cell, n, `echo ${n}`)).toEqual(succeeded);
        expect(cell.read(`${n}/stdout`).toString()).toBe(`${n}\n`);
      }
      expect(existsSync(join(cell.run, "7"))).toBe(false);
      expect(existsSync("/etc/passwd")).toBe(true);
    });

    it("leave no watchdogs behind", async () => {
      await using cell = startCell(shell, many);
      for (let n = 1; n <= 6; n += 1) await runIn(cell, n, "true", 60_000);
      await cell.appears("7/go");
      const list = cell.enter("sh", "-c", "cat /proc/[0-9]*/comm");
      const processes = (await read(list.stdout)).trim().split("\n");
      // PID 1, the watchdog of the lifetime with its sleep, and the two of this list.
      expect(processes.length, processes.join()).toBeLessThanOrEqual(6);
    });

    it("have limits of their own: output, and the files of all", async () => {
      await using cell = startCell(shell, { ...many, output: 2 ** 20, disk: 2 ** 20 });
      expect(await runIn(cell, 1, "head -c 3000000 /dev/zero; sleep 60")).toMatchObject({ stopped: "output-limit" });
      expect(await runIn(cell, 2, "head -c 700000 /dev/zero; head -c 700000 /dev/zero >a")).toEqual(succeeded);
      expect(await runIn(cell, 3, "head -c 700000 /dev/zero >b; sleep 60")).toMatchObject({ stopped: "disk-limit" });
      expect(await runIn(cell, 4, "rm a b; sleep 1.5")).toEqual(succeeded);
    });

    it("are started once, by whichever worker comes first, and followed by all", async () => {
      await using cell = startCell(shell, many);
      for (const n of [1, 2, 3]) {
        await cell.appears(`${n}/go`);
        const one = follow(
          cell,
          n,
          `echo start >>starts; echo out; echo err >&2; until [ -e go${n} ]; do sleep 0.05; done`,
        );
        await cell.appears(`${n}/started/at`);
        const other = follow(cell, n, "echo again >>starts", false);
        await expect.poll(() => cell.read(`${n}/stdout`).toString()).toBe("out\n");
        await wait(200);
        await end(cell.enter("touch", join(cell.work, `go${n}`)));
        expect(await Promise.all([one.code, other.code])).toEqual([0, 0]);
        // The tail of busybox looks once a second. What it has not sent yet is collected.
        for (const { stdout, stderr } of [one, other]) {
          expect([first, `${first}out\n`]).toContain(await stdout);
          expect(["", "err\n"]).toContain(await stderr);
        }
        const late = follow(cell, n, "echo again >>starts", false);
        expect(await late.code).toBe(0);
        const collect = enter(
          cell,
          cellScripts.collect(String(n), { stdout: 1, stderr: 0 }, { stdout: 9, stderr: 9 }, null, []),
        );
        const [collected, errors] = await Promise.all([read(collect.stdout), read(collect.stderr)]);
        const [marker, counters, ...rest] = collected.split("\n");
        expect([parseExitMarker(marker ?? ""), ...rest]).toEqual([succeeded, "3", "4", "ut", ""]);
        expect(counters?.split(",")).toHaveLength(n === 1 ? 5 : 7);
        expect(errors).toBe("err\n");
      }
      expect(readFileSync(join(cell.work, "starts"), "utf8")).toBe("start\n".repeat(3));
    });

    it("that have been followed by others are gone: they are not started again", async () => {
      await using cell = startCell(shell, many);
      for (const n of [1, 2]) expect(await follow(cell, n, `echo ${n}`).code).toBe(0);
      expect(existsSync(join(cell.run, "1"))).toBe(false);
      expect(await follow(cell, 1, "echo again >again").code).toBe(scriptExit.discarded);
      const none = { stdout: 0, stderr: 0 };
      expect(await end(enter(cell, cellScripts.collect("1", none, none, null, [])))).toBe(scriptExit.discarded);
      expect(await follow(cell, 2, "echo again >again", false).code).toBe(0);
      expect(existsSync(join(cell.work, "again"))).toBe(false);
    });

    it("are refused while an earlier one runs, which goes on", { timeout: 40_000 }, async () => {
      await using cell = startCell(shell, many);
      const running = follow(cell, 1, "until [ -e go ]; do sleep 0.05; done; echo on");
      await cell.appears("1/started/at");
      const refused = follow(cell, 2, "true");
      expect(await refused.code).toBe(scriptExit.noCell);
      expect(await refused.stdout).toBe("!program 1 of the cell has not ended\n");
      await end(enter(cell, cellScripts.kill("2")));
      await end(cell.enter("touch", join(cell.work, "go")));
      expect(await running.code).toBe(0);
      expect(cell.read("1/stdout").toString()).toBe("on\n");
      expect(await follow(cell, 2, "true").code).toBe(0);
    });

    it("are ended by their own number only", async () => {
      await using cell = startCell(shell, many);
      await runIn(cell, 1, "true");
      const running = follow(cell, 2, "sleep 60");
      await cell.appears("2/started/at");
      await end(enter(cell, cellScripts.kill("1")));
      expect(await Promise.race([running.code, wait(500, "running")])).toBe("running");
      await end(enter(cell, cellScripts.kill("2")));
      expect(parseExitMarker(await cell.appears("2/exit"))).toEqual({ code: 137, signalled: true, stopped: null });
      expect(await runIn(cell, 3, "echo on")).toEqual(succeeded);
    });

    it("may leave a number out, which is then never started", async () => {
      await using cell = startCell(shell, many);
      await runIn(cell, 1, "true");
      await cell.appears("2/go");
      // A worker that is taken for dead in the middle of its delivery.
      const stale = follow(cell, 2, "echo two >>starts", false);
      await cell.appears("2/delivery");
      expect(await follow(cell, 4, "echo four >>starts").code).toBe(0);
      expect(await stale.code).not.toBe(0);
      expect(await follow(cell, 3, "echo three >>starts").code).toBe(scriptExit.discarded);
      expect(readFileSync(join(cell.work, "starts"), "utf8")).toBe("four\n");
    });

    it("that fake their end are killed when the next one is asked for", { timeout: 40_000 }, async () => {
      await using cell = startCell(shell, many);
      await cell.start([...sh(`echo '0 exit ' >"$0/1/exit"; sleep 600`), cell.run]);
      await cell.appears("1/exit");
      // The supervisor may kill the follower with what the code has left. A worker then connects again.
      const code = (await follow(cell, 2, "echo on").code) ?? (await follow(cell, 2, "echo on").code);
      expect(code).toBe(0);
      expect(cell.read("2/stdout").toString()).toBe("on\n");
    });

    it("that block the supervisor with FIFOs cannot: it replaces them", async () => {
      await using cell = startCell(shell, many);
      await cell.start([...sh('cd "$0/1"; mkfifo elapsed exit.new reason exit; kill -9 $$'), cell.run]);
      await cell.appears("2/go");
      expect(await runIn(cell, 2, "true")).toEqual(succeeded);
    });

    it.each(["while it waits", "while one runs"])("are released by the worker's script: %s", async (when) => {
      await using cell = startCell(shell, many);
      await runIn(cell, 1, "true");
      if (when === "while one runs") {
        follow(cell, 2, "sleep 600");
        await cell.appears("2/started/at");
      } else await cell.appears("2/go");
      const release = enter(cell, cellScripts.release());
      const [said, errors] = await Promise.all([read(release.stdout), read(release.stderr)]);
      expect([said, errors, await cell.end()]).toEqual(["", "", 0]);
      // The script dies with its cell if that ends first. A provider asks again then, and finds no running pod.
      expect([0, null]).toContain(await end(release));
    });
  });
});
