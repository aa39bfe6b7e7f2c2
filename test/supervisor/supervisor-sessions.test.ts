/** The supervisor of a cell for a session: nothing is killed between programs, and a stop interrupts first. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cellScripts, scriptExit } from "#cells/kubernetes/exec/cell-scripts";
import { cellDirectories } from "#core/manifest/cell-pod";
import { parseExitMarker } from "#core/manifest/exit-marker";
import { packageFile } from "#platform/host/package-files";
import { type Cell, canBePid1, type Delivery, shells, startCell } from "./cell-harness.ts";

const session = { programs: "session", lifetime: 60_000 } as const;
const sh = (code: string): string[] => ["sh", "-c", code];
const succeeded = { code: 0, signalled: false, stopped: null };
const background = 'kill -0 "$(cat background)" && echo alive || echo gone';

describe.skipIf(!canBePid1).each(shells.map((shell) => ({ name: shell.join(" "), shell })))(
  "a session under $name",
  ({ shell }) => {
    /** Runs one of the worker's scripts in a cell. Returns its exit code. */
    const enter = async (cell: Cell, script: readonly string[]): Promise<number | null> => {
      const [, ...args] = script.map((word) => word.replaceAll(cellDirectories.run, cell.run));
      const child: ChildProcess = cell.enter("setsid", ...shell, ...args);
      const [code] = await once(child, "exit");
      return code;
    };
    /** Programs, one after another. */
    const programsOf = (cell: Cell) => {
      let n = 0;
      const start = async (command: readonly string[], delivery: Delivery = {}) => {
        n += 1;
        await cell.start(command, { n, ...delivery });
        return { n, said: (text: string) => expect.poll(() => cell.read(`${n}/stdout`).toString()).toBe(text) };
      };
      const ended = async (number: number) => ({
        marker: parseExitMarker(await cell.appears(`${number}/exit`)),
        stdout: cell.read(`${number}/stdout`).toString(),
      });
      return {
        start,
        ended,
        run: async (command: readonly string[], delivery?: Delivery) => ended((await start(command, delivery)).n),
        call: async (code: string, delivery: Delivery = {}) => {
          await cell.appears(`${n + 1}/go`);
          mkdirSync(join(cell.run, String(n + 1), "kernels"));
          const kernel = ["python3", "-u", packageFile("cells/kernels/python/driver.py")];
          const command = ["sh", packageFile("cells/kernels/call.sh"), `${cell.tmp}/kernel`, String(n + 1), ...kernel];
          return start(command, { stdin: Buffer.from(code), ...delivery });
        },
      };
    };

    it("keeps processes, interrupts at a time limit, and kills all that is left if that does not help", async () => {
      await using cell = startCell(shell, session);
      const { run } = programsOf(cell);
      expect((await run(sh('setsid sleep 600 & echo $! >background; echo "$PPID"'))).marker).toEqual(succeeded);
      const late = { signalled: true, stopped: "timed-out" };
      expect(await run(sh("echo begun; sleep 600"), { timeout: 300 })).toEqual({
        ...{ marker: { ...late, code: 130, stoppedBy: "interrupt" }, stdout: "begun\n" },
      });
      expect(await run(sh(background))).toEqual({ marker: succeeded, stdout: "alive\n" });
      expect(await run(sh("trap '' INT; echo begun; sleep 600"), { timeout: 300 })).toEqual({
        ...{ marker: { ...late, code: 137, stoppedBy: "kill" }, stdout: "begun\n" },
      });
      expect(await run(sh(background))).toEqual({ marker: succeeded, stdout: "gone\n" });
    });

    it("is interrupted and stopped by a worker's scripts, by the number of the program only", async () => {
      await using cell = startCell(shell, session);
      const { start, ended, run } = programsOf(cell);
      await run(sh("sleep 600 & echo $! >background"));
      const sleeping = await start(sh("echo begun; sleep 600; echo late"));
      await sleeping.said("begun\n");
      expect(await enter(cell, cellScripts.interrupt("1"))).toBe(scriptExit.notRunning);
      expect(await enter(cell, cellScripts.interrupt("3"))).toBe(scriptExit.notRunning);
      expect(await enter(cell, cellScripts.stop("1"))).toBe(0);
      expect(await enter(cell, cellScripts.interrupt("2"))).toBe(0);
      const interrupted = { code: 130, signalled: true, stopped: null };
      expect((await ended(2)).marker).toEqual(interrupted);
      expect(await enter(cell, cellScripts.interrupt("2"))).toBe(scriptExit.notRunning);
      await (await start(sh("echo begun; sleep 600"))).said("begun\n");
      expect(await enter(cell, cellScripts.stop("3"))).toBe(0);
      expect((await ended(3)).marker).toEqual({ ...interrupted, stoppedBy: "interrupt" });
      expect(await run(sh(background))).toEqual({ marker: succeeded, stdout: "alive\n" });
      await (await start(sh("trap '' INT; echo begun; sleep 600; sleep 600"))).said("begun\n");
      expect(await enter(cell, cellScripts.stop("5"))).toBe(0);
      expect((await ended(5)).marker).toEqual({ ...interrupted, code: 137, stoppedBy: "kill" });
      expect(await run(sh(background))).toEqual({ marker: succeeded, stdout: "gone\n" });
      expect(await cell.collect()).toBe(0);
    });

    it("runs calls of a kernel, which passes an interrupt on, and is replaced when all was killed", async () => {
      await using cell = startCell(shell, session);
      const { call, ended } = programsOf(cell);
      const resultOf = (n: number) => JSON.parse(readFileSync(join(cell.tmp, `kernel/${n}/result`), "utf8"));
      await call("import signal, time; x = 5");
      expect(await ended(1)).toEqual({ marker: succeeded, stdout: "" });
      await (await call("print('begun'); time.sleep(600)")).said("begun\n");
      expect(await enter(cell, cellScripts.interrupt("2"))).toBe(0);
      expect((await ended(2)).marker).toMatchObject({ code: 130, stopped: null });
      expect(resultOf(2)).toMatchObject({ status: "interrupted", call: 2 });
      await call("time.sleep(600)", { timeout: 300 });
      expect((await ended(3)).marker).toMatchObject({ code: 130, stopped: "timed-out", stoppedBy: "interrupt" });
      await call("print(x)");
      expect(await ended(4)).toEqual({ marker: succeeded, stdout: "5\n" });
      await call("signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)", { timeout: 300 });
      expect((await ended(5)).marker).toMatchObject({ code: 137, stopped: "timed-out", stoppedBy: "kill" });
      await call("print('x' in dir())");
      expect(await ended(6)).toEqual({ marker: succeeded, stdout: "False\n" });
      expect(resultOf(6)).toMatchObject({ status: "ok", call: 1 });
    });
  },
);
