/** A kernel in a directory of its own, without a cell. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { packageFile } from "#platform/host/package-files";

/** What a call has shown, in the representations of its displays. */
export interface CallResult {
  readonly status: "ok" | "error" | "interrupted" | "exit";
  readonly error?: { readonly name: string; readonly message: string };
  readonly displays: readonly Record<string, string>[];
  readonly displaysOmitted: number;
  /** The number of the call in this kernel: 1 after a start. */
  readonly call: number;
}

export interface CallEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Null if the kernel ended. */
  readonly result: CallResult | null;
}

/** The commands that start the kernels. */
const commands = {
  python: ["python3", "-u", packageFile("cells/kernels/python/driver.py")],
  javascript: [process.execPath, packageFile("cells/kernels/javascript/driver.mjs")],
  typescript: [process.execPath, packageFile("cells/kernels/javascript/driver.mjs"), "typescript"],
  bash: ["bash", packageFile("cells/kernels/bash/driver.sh")],
} as const;

export type KernelLanguage = keyof typeof commands;

export interface Kernel extends AsyncDisposable {
  readonly directory: string;
  /** Runs a call to its end. */
  readonly run: (code: string) => Promise<CallEnd>;
  /** Starts a call, which can be interrupted. */
  readonly start: (code: string) => {
    readonly interrupt: () => void;
    readonly ended: Promise<CallEnd>;
    readonly says: (text: string) => Promise<void>;
  };
}

/** Prepares a directory. The first call starts the kernel. */
export async function prepareKernel(language: KernelLanguage): Promise<Kernel> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-kernel-"));
  const shell = language === "bash" ? ["bash", "--posix"] : ["sh"];
  let number = 0;
  const start: Kernel["start"] = (code) => {
    number += 1;
    const own = number;
    const [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map((name) => join(directory, `${own}.${name}`));
    writeFileSync(stdin ?? "", code);
    // A cell's streams are pipes or files. Those of `spawn` are sockets, which nobody can open by name.
    const streams = [openSync(stdin ?? "", "r"), openSync(stdout ?? "", "a+"), openSync(stderr ?? "", "a+")];
    const [program = "", ...args] = [
      ...shell,
      packageFile("cells/kernels/call.sh"),
      join(directory, ".kgents"),
      String(own),
      ...commands[language],
    ];
    const child = spawn(program, args, { cwd: directory, detached: true, stdio: streams });
    for (const stream of streams) closeSync(stream);
    const contentOf = (name = ""): string => readFileSync(name, "utf8");
    const ended = once(child, "exit").then(async ([exit]) => {
      const result = await readFile(join(directory, ".kgents", String(own), "result"), "utf8").catch(() => null);
      return {
        code: exit,
        stdout: contentOf(stdout),
        stderr: contentOf(stderr),
        result: result === null ? null : JSON.parse(result),
      };
    });
    return {
      interrupt: () => child.kill("SIGINT"),
      ended,
      says: (wanted) => expect.poll(() => contentOf(stdout), { timeout: 30_000 }).toContain(wanted),
    };
  };
  return {
    directory,
    start,
    run: (code) => start(code).ended,
    [Symbol.asyncDispose]: async () => {
      const pid = Number(await readFile(join(directory, ".kgents/kernel"), "utf8").catch(() => ""));
      try {
        if (pid > 1) process.kill(-pid, "SIGKILL");
      } catch {
        // The kernel has ended.
      }
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
