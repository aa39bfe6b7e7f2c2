/**
 * What a session runs in its cell: the calls of its kernel, processes, and small scripts for its files.
 *
 * @module
 */
import { type CellShape, commonShapeOf, type Program, programOf } from "../cell-shape.ts";
import { hasKernel, type Language } from "../language.ts";
import { checkKernelCall, type RunCallSpec } from "./calls.ts";
import type { SessionSpec } from "./session.ts";

/** The time limit of a program that is not a call, in milliseconds: 256 MiB of files on a slow disk. */
const fileTimeout = 300_000;

/** The largest checkpoint, in bytes: what one stream of a program may have, with room for the archive's own records. */
export const maximumCheckpointBytes = 60 * 1024 * 1024;

/** The maximum number of entries in a list of files, and the maximum size of the list. */
export const listBounds = { entries: 5000, bytes: 600 * 1024 } as const;

/** The exit codes of the checkpoint's script. */
export const checkpointExits = { unchanged: 33, tooLarge: 34 } as const;

/**
 * The shape of the cell of a session.
 *
 * @param lifetime until the session ends, in milliseconds
 */
export const sessionShape = (spec: SessionSpec, language: Language, lifetime: number): CellShape => ({
  ...commonShapeOf(spec, language),
  lifetime,
  ttl: 0,
  inputBytes: 0,
  programs: "session",
});

/**
 * The program of a call.
 *
 * @throws KgentsError `invalid-request` if a kernel cannot take what the call has
 */
export function callProgram(call: RunCallSpec, spec: SessionSpec, language: Language): Program {
  const inKernel = call.code !== undefined && !call.isolated && hasKernel(language);
  if (inKernel) checkKernelCall(call);
  const program = programOf({ ...call, image: spec.image }, language);
  return inKernel ? { ...program, kernel: true } : program;
}

const scriptProgram = (script: string, more: Partial<Program> = {}): Program => ({
  command: ["sh"],
  codeFile: "",
  code: undefined,
  args: [],
  env: {},
  stdin: undefined,
  files: [],
  outputs: [],
  timeout: fileTimeout,
  script,
  ...more,
});

/** Writes files. */
export const writeProgram = (files: Program["files"]): Program => scriptProgram(":", { files });

/** Reads the files that globs match. */
export const readProgram = (outputs: readonly string[]): Program => scriptProgram(":", { outputs });

/**
 * Lists the files of the work directory: type, size, time and name, a line each. Neither `find -printf` nor names with
 * line breaks are in busybox's reach, so such names are counted as omitted.
 */
export const listProgram = (): Program =>
  scriptProgram(`find . ! -path . -exec stat -c '%F|%s|%Y|%n' {} + 2>/dev/null | head -c ${listBounds.bytes}; exit 0`);

/** Removes files and folders. Says of each argument whether there was one. */
export const removeProgram = (names: readonly string[]): Program =>
  scriptProgram(
    [
      "failed=0",
      'for name in "$@"; do',
      'if [ -e "./$name" ] || [ -L "./$name" ]; then',
      'if rm -rf "./$name"; then echo removed; else echo failed; failed=1; fi',
      "else echo missing; fi",
      "done",
      "exit $failed",
    ].join("\n"),
    { args: names },
  );

// The mark is older than everything that is written after it, and outside the work directory. It contains a digest of
// names, sizes, times and numbers of all files: programs such as `cp -p` and rsync write files with a time that is long
// past, but none can set the time of a file's last change of any kind (%z).
const mark = `"\${TMPDIR:-/tmp}"/.kgents-checkpoint`;
const takeDigest = "digest=$(find . -exec stat -c '%n|%s|%y|%z|%i|%f' {} + 2>/dev/null | sha256sum)";
const digestOfNothing = "e3b0c442";
const writeMark = (path: string): string => `rm -f ${path}; printf '%s\\n' "$digest" >${path}`;

/**
 * Ends the script if nothing has changed since the mark. A digest of nothing proves nothing. Where the times of %z are
 * whole seconds, `-newer` tells of changes in the same one.
 */
const endIfUnchanged = [
  `case $digest in "" | ${digestOfNothing}*) ;; *)`,
  `if [ -e ${mark} ] && [ "$digest" = "$(cat ${mark} 2>/dev/null)" ] &&`,
  `[ -z "$(find . -newer ${mark} 2>/dev/null | head -n 1)" ]; then exit ${checkpointExits.unchanged}; fi ;; esac`,
];

/**
 * Writes an archive of the work directory to its standard output.
 *
 * @param when `changed`: only if something in the work directory has changed since the last checkpoint of this cell
 */
export const checkpointProgram = (when: "always" | "changed"): Program =>
  scriptProgram(
    [
      takeDigest,
      ...(when === "always" ? [] : endIfUnchanged),
      writeMark(`${mark}.new`),
      `size=$(du -sk . 2>/dev/null | { read -r size _; echo "$size"; })`,
      `[ "\${size:-0}" -le ${maximumCheckpointBytes / 1024} ] || exit ${checkpointExits.tooLarge}`,
      // Not the directory itself, whose owner need not be the code's user.
      'set --; for entry in ./* ./.[!.]* ./..?*; do if [ -e "$entry" ] || [ -L "$entry" ]; then set -- "$@" "$entry"; fi; done',
      // 1: a file has changed while it was read.
      'if [ $# -gt 0 ]; then tar -cf - "$@"; [ $? -le 1 ] || exit 1; fi',
      `mv -f ${mark}.new ${mark}`,
    ].join("\n"),
  );

/** Unpacks a checkpoint into the work directory. */
export const restoreProgram = ({ sha256, bytes }: { readonly sha256: string; readonly bytes: number }): Program =>
  scriptProgram(["tar -xf - || exit", takeDigest, writeMark(mark)].join("\n"), { stdin: { artifact: sha256, bytes } });
