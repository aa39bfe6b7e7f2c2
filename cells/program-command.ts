/**
 * What the process of a program is: the interpreter with its file, a call of the kernel, or a shell script.
 *
 * @module
 */
import type { Program } from "#core/contract/cell-shape";
import { KgentsError } from "#core/contract/error";
import type { Language } from "#core/contract/language";
import type { Content } from "#core/contract/request";

/** The kernel of a language, by the names of its files in `cells/kernels`. */
interface Driver {
  readonly main: string;
  readonly others?: readonly string[];
  readonly args?: readonly string[];
  /**
   * Options with which the interpreter itself runs the script of a call. A shell starts a kernel with SIGINT ignored. Other
   * kernels set their handlers; bash cannot, and among shells only bash can undo it for the kernel that it starts.
   *
   * @default the shell of the cell runs it
   */
  readonly asShell?: readonly string[];
}

const javascript = { main: "javascript/driver.mjs", others: ["javascript/imports.mjs"] };

const drivers: Readonly<Record<string, Driver>> = {
  python: { main: "python/driver.py" },
  javascript,
  typescript: { ...javascript, args: ["typescript"] },
  bash: { main: "bash/driver.sh", asShell: ["--posix"] },
};

const callScript = "call.sh";

/** @throws KgentsError `unsupported-language` */
function driverOf({ name }: Language): Driver {
  const driver = drivers[name];
  if (driver !== undefined) return driver;
  throw new KgentsError("unsupported-language", `language: ${name} has no kernel, so a session keeps no names in it`, {
    field: "language",
    remedy: `Run the code in a process of its own, or use ${Object.keys(drivers).join(", ")}.`,
  });
}

/**
 * The files that a call of the kernel needs, by their names in `cells/kernels`.
 *
 * @throws KgentsError `unsupported-language` if the language has no kernel
 */
export function kernelFilesOf(language: Language): readonly string[] {
  const { main, others = [] } = driverOf(language);
  return [callScript, main, ...others];
}

/** Where a program finds what it needs in its cell. */
export interface ProgramPlaces {
  readonly shell: string;
  readonly work: string;
  /** The folder with the files of `cells/kernels`. */
  readonly kernels: string;
  /** The folder that all calls of the kernel share. */
  readonly kernelHome: string;
}

/**
 * The command of program `n` of a cell.
 *
 * @param interpreter that of the cell's language, with its arguments
 * @throws KgentsError `unsupported-language` if it is a call and the language has no kernel
 */
export function commandOf(
  { codeFile, args, kernel, script }: Program,
  n: number,
  { language, interpreter }: { readonly language: Language; readonly interpreter: readonly string[] },
  { shell, work, kernels, kernelHome }: ProgramPlaces,
): readonly string[] {
  if (script !== undefined) return [shell, "-c", script, "sh", ...args];
  if (kernel === undefined) return [...interpreter, `${work}/${codeFile}`, ...args];
  const driver = driverOf(language);
  const start = [...interpreter, `${kernels}/${driver.main}`, ...(driver.args ?? [])];
  const caller = driver.asShell === undefined ? [shell] : [interpreter[0] ?? shell, ...driver.asShell];
  return [...caller, `${kernels}/${callScript}`, kernelHome, String(n), ...start];
}

/** The file that a call leaves in the folder that all calls share: what the kernel says of it. */
export const kernelResultFile = (kernelHome: string, n: number): string => `${kernelHome}/${n}/result`;

/** What the process of a program reads: a kernel reads the code of its call. */
export const stdinOf = ({ kernel, code, stdin }: Program): Content | undefined => (kernel ? code : stdin);

/** The file that holds the code of a program; undefined if it is one of its input files, or not in a file. */
export const codeFileOf = ({ kernel, code, codeFile }: Program): { name: string; content: Content } | undefined =>
  kernel || code === undefined ? undefined : { name: codeFile, content: code };

/** The input files of a program, without one that its code replaces. */
export function inputsOf(program: Program): Program["files"] {
  const own = codeFileOf(program);
  return program.files.filter(({ name }) => name !== own?.name);
}

/** The names of the work directory that are never output: that of the code's own file. */
export function neverOutput(program: Program): ReadonlySet<string> {
  const own = codeFileOf(program);
  return new Set(own === undefined ? [] : [own.name]);
}
