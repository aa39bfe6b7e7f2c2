/**
 * Asks the interpreter of a cell which packages fit it. It runs in the cell, and its answer is checked: it comes from a
 * program that a request or an image names.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { Ecosystem, PackageRuntime } from "#core/packages/environment";
import { parseState } from "#platform/host/state-file";

/** The programs that print what the interpreter says, as a line of JSON. */
export const runtimeQuestions: Readonly<Record<Ecosystem, string>> = {
  python: `import json, os, platform, sys, sysconfig
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, OSError, ValueError):
    libc = ""
print(json.dumps({
    "name": sys.implementation.name + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
    "version": ".".join(map(str, sys.version_info[:3])),
    "machine": platform.machine() if sys.maxsize > 2**32 else "32 bit",
    "libc": libc,
}))
`,
  npm: `console.log(JSON.stringify({
  name: "node",
  version: process.versions.node,
  machine: process.arch,
  libc: process.report.getReport().header.glibcVersionRuntime ? "glibc" : "",
}));
`,
};

const answerShape = { name: "string", version: "string", machine: "string", libc: "string" } as const;

/** The C libraries that uv has platforms for: the second part of glibc's version 2, rising. */
const knownGlibc = [17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];

/** uv's name of a platform; undefined if it has none. */
function pythonPlatform(machine: string, libc: string): string | undefined {
  if (machine !== "x86_64" && machine !== "aarch64") return undefined;
  const minor = /^glibc 2\.(\d+)$/.exec(libc)?.[1];
  if (minor === undefined) return libc === "" ? `${machine}-unknown-linux-musl` : undefined;
  const fitting = knownGlibc.findLast((known) => known <= Number(minor));
  return fitting === undefined ? undefined : `${machine}-manylinux_2_${fitting}`;
}

function platformOf(ecosystem: Ecosystem, name: string, machine: string, libc: string): string | undefined {
  if (ecosystem === "python") return name === "cpython" ? pythonPlatform(machine, libc) : undefined;
  const isKnown = name === "node" && (machine === "x64" || machine === "arm64");
  return isKnown ? `linux-${machine}-${libc === "glibc" ? "glibc" : "musl"}` : undefined;
}

/**
 * Reads the answer of an interpreter.
 *
 * @throws KgentsError `package-wheel-missing` if no packages are built for such an interpreter
 */
export function runtimeOf(ecosystem: Ecosystem, answer: string): PackageRuntime {
  const said = parseState(answer, answerShape);
  const version = /^\d{1,3}\.\d{1,3}\.\d{1,3}$/.exec(said?.version ?? "")?.[0];
  const platform = said && platformOf(ecosystem, said.name, said.machine, said.libc);
  if (version !== undefined && platform !== undefined) return { ecosystem, version, platform };
  throw new KgentsError(
    "package-wheel-missing",
    `packages are installed for CPython and Node on Linux on x86-64 and ARM64; the interpreter of the cell says ${JSON.stringify(answer.slice(0, 200))}`,
    { remedy: "Use an image with CPython 3 or Node." },
  );
}
