/**
 * Finds a language's interpreter and what of the machine it needs to see.
 *
 * @module
 */
import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { KgentsError } from "../../../core/error.ts";
import type { Language } from "../../../core/language.ts";
import { findForCell } from "../../host/find-program.ts";
import { outputOf } from "../../host/run-program.ts";
import { foreignLibraries } from "./libraries.ts";
import { ownProgramDirectory } from "./sandbox-paths.ts";
import { isShared } from "./shared-directories.ts";

/** Something of the host shown inside, read-only. */
export interface Bind {
  readonly source: string;
  readonly target: string;
}

/** How to run a language inside. */
export interface Interpreter {
  /** The program by its absolute path inside, and its arguments. */
  readonly command: readonly string[];
  readonly binds: readonly Bind[];
  /** The directory to put first on PATH. */
  readonly directory: string;
  /** The program on the host, for runs without a sandbox. */
  readonly hostCommand: readonly string[];
}

/** Directories that hold more than an interpreter: never shown as a whole. */
const tooWide = (): Set<string> =>
  new Set(["/", "/home", "/root", "/opt", "/etc", "/var", "/run", "/tmp", "/srv", "/mnt", "/work", homedir()]);

const same = (path: string): Bind => ({ source: path, target: path });

/** Leaves out what is shown anyway, and what lies inside another. */
function smallest(paths: readonly string[]): Bind[] {
  const wide = tooWide();
  const wanted = [...new Set(paths)].filter((path) => !isShared(path) && !wide.has(path)).sort();
  return wanted.filter((path) => !wanted.some((other) => path !== other && path.startsWith(`${other}/`))).map(same);
}

const pythonAnswer = z.object({ executable: z.string().min(1), paths: z.array(z.string().nullable()) });

/** Only the interpreter itself knows: `python3` may be a shim of pyenv, a virtual environment, or built anywhere. */
const pythonQuestion = `
import json, os, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps({"executable": sys.executable, "paths": [
    sys.prefix, sys.exec_prefix, getattr(sys, "base_prefix", None), getattr(sys, "base_exec_prefix", None),
    paths.get("stdlib"), paths.get("platstdlib"), sys.executable, os.path.realpath(sys.executable)]}))
`;

async function resolvePython(found: string, args: readonly string[]): Promise<Interpreter> {
  const printed = await outputOf(found, ["-I", "-c", pythonQuestion]);
  const { executable, paths } = pythonAnswer.parse(JSON.parse(printed));
  const real = await realpath(executable);
  const binds = smallest([...paths.filter((path) => path !== null), ...(await foreignLibraries(real))]);
  const command = [executable, ...args];
  return { command, binds, directory: dirname(executable), hostCommand: command };
}

/** For an interpreter that cannot be asked: the directory above `bin`, where that is its own, or the file alone. */
async function resolveOther(found: string, args: readonly string[]): Promise<Interpreter> {
  const real = await realpath(found);
  const wide = tooWide();
  const prefixes = [found, real].map((path) => {
    const prefix = dirname(dirname(path));
    return basename(dirname(path)) === "bin" && !wide.has(prefix) && !wide.has(dirname(prefix)) ? prefix : path;
  });
  const binds = smallest([...prefixes, ...(await foreignLibraries(real))]);
  const command = [found, ...args];
  return { command, binds, directory: dirname(found), hostCommand: command };
}

/** The worker's own Node: its version is known to run TypeScript, the one on PATH may be older. */
async function ownNode(args: readonly string[]): Promise<Interpreter> {
  const target = join(ownProgramDirectory, "node");
  const binds = [{ source: process.execPath, target }, ...smallest(await foreignLibraries(process.execPath))];
  return {
    command: [target, ...args],
    binds,
    directory: ownProgramDirectory,
    hostCommand: [process.execPath, ...args],
  };
}

/**
 * Finds the interpreter of a language.
 *
 * @throws KgentsError `interpreter-missing`
 */
export async function resolveInterpreter(language: Language, path = process.env.PATH): Promise<Interpreter> {
  const [word = "", ...args] = language.command;
  if (word === "node") return ownNode(args);
  const found = await findForCell(word, path);
  if (found === undefined) {
    throw new KgentsError("interpreter-missing", `${language.name}: there is no ${word} on the worker's PATH`, {
      remedy: `Install ${word} on the worker's machine, or use a cluster.`,
    });
  }
  try {
    return await (/^python[\d.]*$/.test(basename(found)) ? resolvePython(found, args) : resolveOther(found, args));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KgentsError("interpreter-missing", `${language.name}: ${found} does not work: ${reason}`, { cause });
  }
}
