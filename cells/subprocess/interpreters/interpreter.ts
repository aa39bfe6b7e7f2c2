/**
 * Finds a language's interpreter and the paths of the machine that it needs.
 *
 * @module
 */

import { open, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { KgentsError } from "#core/contract/error";
import type { Language } from "#core/contract/language";
import { messageOf } from "#core/text/message-of";
import { findForCell } from "#platform/host/find-program";
import { parseState } from "#platform/host/state-file";
import { ownProgramDirectory } from "../sandbox/sandbox-paths.ts";
import type { Ask } from "./ask-inside.ts";
import { isTooWide } from "./bindable.ts";
import type { Bind, Interpreter } from "./interpreter-command.ts";
import { foreignLibraries } from "./libraries.ts";
import { findPython, isPython, type PythonInstallation } from "./python.ts";
import { isShared } from "./shared-directories.ts";

const same = (path: string): Bind => ({ source: path, target: path });

/** Drops paths that every sandbox shows, and those inside another one. */
function smallest(paths: readonly string[]): Bind[] {
  const wanted = [...new Set(paths)].filter((path) => !isShared(path)).sort();
  return wanted.filter((path) => !wanted.some((other) => path !== other && path.startsWith(`${other}/`))).map(same);
}

const question = `
import json, sys, sysconfig
print(json.dumps({"executable": sys.executable, "stdlib": sysconfig.get_path("stdlib")}))
`;

/**
 * Parses where an interpreter is. @throws Error if the answer is invalid: it comes from a program that a request names
 */
function readAnswer(text: string): { readonly executable: string; readonly stdlib: string } {
  const answer = parseState(text, { executable: "string", stdlib: "string" } as const);
  if (answer && isAbsolute(answer.executable) && isAbsolute(answer.stdlib)) return answer;
  throw new Error(`the interpreter does not say where it is: ${text.slice(0, 200)}`);
}

/** Variables that select the version in version managers. */
const managerVariables = /^(?:PYENV|ASDF|MISE|RTX)_[A-Z_]+$/;

/** The environment of a shim: the version managers' variables, and HOME. */
const shimEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && (name === "HOME" || managerVariables.test(name)) ? [[name, value]] : [],
    ),
  );

async function isScript(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(2), position: 0 });
    return bytesRead === 2 && buffer.toString("latin1") === "#!";
  } finally {
    await file.close();
  }
}

/** Whether a program is a shim that starts Python; only the shim can tell which one. */
const isShim = async (found: string): Promise<boolean> => !isPython(await realpath(found)) || isScript(found);

/**
 * Asks a shim which Python it starts. For the question it sees its manager's directory (`~/.pyenv` above
 * `~/.pyenv/shims`), which no other code does.
 */
async function askShim(ask: Ask, found: string): Promise<string> {
  const shims = dirname(found);
  const manager = dirname(shims);
  const isManaged = basename(shims) === "shims" && dirname(manager) !== "/" && !isShared(manager);
  const binds = smallest(isManaged ? [manager, await realpath(found)] : [found, await realpath(found)]);
  const answer = await ask({ command: [found, "-I"], code: question, environment: shimEnvironment(), binds });
  return readAnswer(answer).executable;
}

/**
 * Starts Python with only the paths that it will see later, so that one that cannot run there is rejected before a run.
 */
async function tryPython(ask: Ask, { executable, paths }: PythonInstallation): Promise<void> {
  const answer = await ask({ command: [executable, "-I"], code: question, environment: {}, binds: smallest(paths) });
  readAnswer(answer);
}

async function resolvePython(found: string, args: readonly string[], ask: Ask | undefined): Promise<Interpreter> {
  const shim = await isShim(found);
  // Without `ask`, only its existence is checked.
  const executable = shim && ask ? await askShim(ask, found) : found;
  const python = await findPython(executable);
  const command = [python.executable, ...args];
  const isOfTheSystem = isShared(found) && isShared(await realpath(found));
  if (ask && !shim && !isOfTheSystem) await tryPython(ask, python);
  return { command, binds: smallest(python.paths), directory: dirname(python.executable), hostCommand: command };
}

/**
 * For an interpreter that cannot be asked: binds the directory above `bin` if it belongs to the interpreter, or else
 * only the file.
 */
async function resolveOther(found: string, args: readonly string[]): Promise<Interpreter> {
  const real = await realpath(found);
  const prefixes = [found, real].map((path) => {
    const prefix = dirname(dirname(path));
    const isOwn = basename(dirname(path)) === "bin" && !isTooWide(prefix) && !isTooWide(dirname(prefix));
    return isOwn ? prefix : path;
  });
  const binds = smallest([...prefixes, ...(await foreignLibraries(real))]);
  const command = [found, ...args];
  return { command, binds, directory: dirname(found), hostCommand: command };
}

/** Uses the worker's own Node. Its version is known to run TypeScript; the one on PATH may be older. */
async function ownNode({ name, versionFlags = [] }: Language, words: readonly string[]): Promise<Interpreter> {
  const flags = versionFlags.filter((flag) => process.allowedNodeEnvironmentFlags.has(flag));
  if (versionFlags.length > 0 && flags.length === 0 && !process.features.typescript) {
    throw new KgentsError(
      "interpreter-missing",
      `${name}: Node ${process.version}, which runs this worker, does not run it`,
      {
        remedy: "Run the worker by Node 22.18 or newer, or use a cluster.",
      },
    );
  }
  const args = [...words, ...flags];
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
 * Finds the interpreter of a language. Programs that a configuration names are not run here; questions to them run in a
 * cell.
 *
 * @param ask runs a question; without it only the file system is read
 * @throws KgentsError `interpreter-missing`
 */
export async function resolveInterpreter(
  language: Language,
  ask: Ask | undefined,
  path = process.env.PATH,
): Promise<Interpreter> {
  const [word = "", ...args] = language.command;
  const found = word === "node" ? process.execPath : await findForCell(word, path);
  if (found === undefined) {
    throw new KgentsError("interpreter-missing", `${language.name}: there is no ${word} on the worker's PATH`, {
      remedy: `Install ${word} on the worker's machine, or use a cluster.`,
    });
  }
  try {
    if (word === "node") return await ownNode(language, args);
    return await (isPython(found) ? resolvePython(found, args, ask) : resolveOther(found, args));
  } catch (cause) {
    if (cause instanceof KgentsError) throw cause;
    const reason = messageOf(cause);
    throw new KgentsError("interpreter-missing", `${language.name}: ${found} does not work: ${reason}`, { cause });
  }
}
