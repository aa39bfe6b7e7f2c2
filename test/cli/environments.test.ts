/**
 * `kgents exec --code "print(1)"` in unusual environments: it works, or reports the reason in one sentence. Most rows
 * share a running stack; rows about the start of a stack start their own.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, type Ended } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { kgentsEntry } from "../support/worker-process.ts";

const isRoot = process.getuid?.() === 0;

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  await terminal.run(["up"]);
  // The other user needs to traverse this directory.
  await terminal.program("chmod", ["755", terminal.directory]);
});
afterAll(() => terminal[Symbol.asyncDispose]());

/** Lines for bash: `run` is the command; `alone` lets it have only HOME for its own, and the server's address. */
const prelude = `
kgents() { "$NODE" "$ENTRY" "$@"; }
run() { kgents exec --code 'print(1)'; }
alone() {
  unset XDG_STATE_HOME XDG_CONFIG_HOME XDG_CACHE_HOME KGENTS_PORT KGENTS_TEMPORAL_CLI
  export TEMPORAL_ADDRESS=127.0.0.1:$SERVER_PORT
}
export -f kgents run alone
cd "$D"
`;

function bash(line: string, more: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const environment = {
    NODE: process.execPath,
    ENTRY: kgentsEntry,
    D: terminal.directory,
    SERVER_PORT: String(terminal.port),
    ...more,
  };
  return terminal.program("bash", ["-c", prelude + line], { environment });
}

/** The stderr of any environment without a cluster. */
const withoutFallback = (stderr: string): string => stderr.replace(/^kgents: ran in the local sandbox, .*\n/m, "");

const works = { code: 0, stdout: "1\n", stderr: "" };
type Expected = Partial<Record<keyof typeof works, unknown>>;

const matches = (pattern: RegExp): unknown => expect.stringMatching(pattern);

type Row = readonly [surroundings: string, line: string, expected?: Expected];

const forEverybody: Row[] = [
  ["umask 077", "umask 077; run"],
  ["proxies", "http_proxy=$P https_proxy=$P all_proxy=$P grpc_proxy=$P HTTP_PROXY=$P HTTPS_PROXY=$P run"],
  ["proxies that Node uses", "NODE_USE_ENV_PROXY=1 http_proxy=$P HTTPS_PROXY=$P run"],
  ["a proxy that is none, and no_proxy", "http_proxy=::garbage no_proxy=example.com run"],
  ["HOME that is missing", "alone; HOME=$D/missing run"],
  ["HOME that is a device", "alone; HOME=/dev/null run"],
  ["HOME with spaces", 'alone; mkdir -p "$D/a b"; HOME="$D/a b" run'],
  [
    "HOME that is not set",
    "alone; unset HOME; export XDG_STATE_HOME=$D/s XDG_CACHE_HOME=$D/c XDG_CONFIG_HOME=$D/c; run",
  ],
  ["TMPDIR that is missing", "TMPDIR=$D/missing run"],
  [
    "a directory that was deleted",
    'mkdir gone && cd gone && rmdir "$D/gone"; run',
    { code: 125, stdout: "", stderr: matches(/^kgents: the working directory .*gone was deleted\n.*\n$/) },
  ],
  ["the root directory", "cd /; run"],
  ["stdin closed", "run <&-"],
  ["stdout closed", "run >&-", { ...works, stdout: "" }],
  ["stderr closed", "run 2>&-"],
  ["all three closed", "run <&- >&- 2>&-", { ...works, stdout: "" }],
  ["a reader that has gone", `run | true; echo "\${PIPESTATUS[0]}"`, { ...works, stdout: matches(/^(?:0|141)\n$/) }],
  [
    "a reader that has gone, SIGPIPE ignored",
    `trap '' PIPE; run | true; echo "\${PIPESTATUS[0]}"`,
    { ...works, stdout: matches(/^(?:0|141)\n$/) },
  ],
  [
    "stdout full",
    "run >/dev/full",
    { code: 125, stdout: "", stderr: matches(/^kgents: standard output cannot be written: ENOSPC.*\n$/) },
  ],
  ["LANG=C", "LC_ALL=POSIX LANG=C run"],
  ["a locale that is missing", "export LC_ALL=xx_XX.bogus 2>/dev/null; run"],
  ["TERM=dumb, colours forced", "TERM=dumb FORCE_COLOR=1 CI=true run"],
  ["4 KiB of PATH", "alone; HOME=$D/h PATH=$PATH:$(printf '/x%.0s' {1..2000}) run"],
  ["PATH with empty entries", "alone; HOME=$D/h PATH=:$PATH: run"],
  ["no PATH", "alone; HOME=$D/h; unset PATH; run"],
  ["NODE_OPTIONS with a small heap", "NODE_OPTIONS=--max-old-space-size=64 run"],
  [
    "NODE_OPTIONS that Node refuses",
    "NODE_OPTIONS=--bogus run",
    { code: 9, stdout: "", stderr: matches(/^.*--bogus is not allowed in NODE_OPTIONS\n$/) },
  ],
  [
    "NODE_OPTIONS with a missing module",
    "NODE_OPTIONS='--require /missing.js' run",
    { code: 1, stdout: "", stderr: matches(/Cannot find module '\/missing.js'/) },
  ],
  [
    "LD_PRELOAD that is missing",
    "export LD_PRELOAD=/missing.so; run",
    { ...works, stderr: matches(/^ERROR: ld.so: .*ignored\.\n$/) },
  ],
  ["search paths of other programs", "export PYTHONHOME=$D/x PYTHONPATH=$D/x NODE_PATH=$D/x LD_LIBRARY_PATH=$D/x; run"],
  ["64 open files", "ulimit -n 64; run"],
  ["2 GB of address space", "ulimit -v 2000000; run"],
  ["a small stack, no core files", "ulimit -s 256; ulimit -c 0; run"],
  ["no file may grow", "ulimit -f 0; run"],
  [
    "no file may grow, and stdout is one",
    'ulimit -f 0; run >"$D/out"',
    { code: 125, stdout: "", stderr: matches(/^kgents: standard output cannot be written: EFBIG.*\n$/) },
  ],
  ["a time zone that is missing", "TZ=:/missing run"],
  ["nice 19, in a session of its own", "nice -n 19 setsid -w bash -c run"],
  ["nohup", "nohup bash -c run </dev/null"],
  ["1 MB of environment", "for i in {1..8}; do export BIG$i=$(head -c 120000 /dev/zero | tr '\\0' x); done; run"],
  ["variables that are empty", "TERM= TEMPORAL_ADDRESS= KGENTS_CONFIG= TMPDIR= run"],
];

const forRoot: Row[] = [
  ["HOME that is read-only", "mkdir -p ro; unshare -m bash -c 'mount -t tmpfs -o ro none ro; alone; HOME=$D/ro run'"],
  [
    "HOME on a disk that is full",
    "mkdir -p full; unshare -m bash -c 'mount -t tmpfs -o size=4k none full; head -c 4096 /dev/zero >full/it; alone; HOME=$D/full run'",
  ],
  [
    "a cache of another user",
    "mkdir -p theirs; chown 1234 theirs; XDG_CACHE_HOME=$D/theirs run",
    {
      code: 2,
      stdout: "",
      stderr: matches(/^kgents: the cache directory .*theirs\/kgents is not used: .* belongs to the user 1234\n.*\n$/),
    },
  ],
  ["no /dev/shm", "unshare -m bash -c 'umount -l /dev/shm; run'"],
  [
    "a temporary directory that is read-only",
    "unshare -m bash -c 'mkdir -p ro; mount -t tmpfs -o ro none ro; TMPDIR=$D/ro; run'",
  ],
  ["root without capabilities", "setpriv --bounding-set=-all --inh-caps=-all bash -c run"],
];

const asUser = "setpriv --reuid 54321 --regid 54321 --clear-groups";
const forUsers: Row[] = [
  ["an ordinary user, with 30 processes", `alone; cd /; HOME=$D/none ${asUser} bash -c 'ulimit -u 30; run'`],
  [
    "a working directory that may not be entered",
    `mkdir -m 700 -p private; cd private; alone; HOME=$D/none ${asUser} bash -c run`,
    {
      code: 2,
      stdout: "",
      stderr: matches(/^kgents: .*private\/kgents.config.yaml: it cannot be read: EACCES.*\n.*\n$/),
    },
  ],
];

const rowsOf = (rows: readonly Row[]) => rows.map(([name, line, expected = works]) => ({ name, line, expected }));

async function expectRow({ line, expected }: { line: string; expected: Expected }): Promise<void> {
  const { code, stdout, stderr } = await bash(line, { P: "http://127.0.0.1:9" });
  expect({ code, stdout, stderr: withoutFallback(stderr) }).toEqual({ ...works, ...expected });
}

describe("with a stack that runs", () => {
  test.each(rowsOf(forEverybody))("$name", expectRow);

  describe.runIf(isRoot)("as root", () => {
    test.each(rowsOf(forRoot))("$name", expectRow);
    // Other users can only read a checkout outside root's home.
    test.runIf(!kgentsEntry.startsWith("/root/")).each(rowsOf(forUsers))("$name", expectRow);
  });

  test("PATH of a worker without Python", async () => {
    const { code, stderr } = await bash("PATH=$D/empty run", {});
    expect(code).toBe(125);
    expect(stderr).toContain("kgents: python: there is no python3 on the worker's PATH\n");
  });
});

/** Starts a stack in HOME, runs, and stops it; discards the output of `down`. */
const own = "run; code=$?; kgents down >/dev/null 2>&1; exit $code";
const said = (words: string): Expected => ({ code: 125, stdout: "", stderr: matches(new RegExp(words)) });

const withOwnStack: (readonly [...Row, rootOnly: boolean])[] = [
  ["umask 077, and spaces in HOME", `umask 077; ${own}`, { ...works, stderr: expect.anything() }, false],
  [
    "no IPv6, no /dev/shm",
    `unshare -n -m bash -c 'ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; umount -l /dev/shm; ${own}'`,
    { ...works, stderr: expect.anything() },
    true,
  ],
  [
    "root without CAP_SYS_ADMIN, as in a container without namespaces",
    `setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin bash -c '${own}'`,
    said("\nkgents: the sandbox does not start: this process may not make namespaces"),
    true,
  ],
  [
    "a disk that is full",
    `unshare -m bash -c 'mount -t tmpfs -o size=64k none "$HOME"; ${own}'`,
    said(
      "\nkgents: Temporal did not start at [\\d.:]+: the disk of /.*/kgents is full\n +Free space there, or .*XDG_STATE_HOME.*\n$",
    ),
    true,
  ],
  [
    "a disk that was full before",
    `unshare -m bash -c 'mount -t tmpfs -o size=64k none "$HOME"; head -c 65536 /dev/zero >"$HOME/it"; ${own}'`,
    said("^kgents: /.*/stack.lock cannot be written: ENOSPC: .*\\n +Free space there, or .*XDG_STATE_HOME.*\\n$"),
    true,
  ],
  [
    "HOME that is read-only",
    `unshare -m bash -c 'mount -t tmpfs -o ro none "$HOME"; ${own}'`,
    said("^kgents: (?:ENOENT|EROFS): .*mkdir '.*'\n.*\n$"),
    true,
  ],
];

describe("with a stack of its own", () => {
  test.each(withOwnStack.filter(([, , , rootOnly]) => isRoot || !rootOnly))("%s", async (name, line, expected) => {
    const port = await freePort();
    const home = join(terminal.directory, `home of ${name.replaceAll(/\W+/g, " ")}`);
    await mkdir(home);
    const prepared = `unset XDG_STATE_HOME XDG_CONFIG_HOME; export HOME="${home}" KGENTS_PORT=${port}; ${line}`;
    const { code, stdout, stderr } = await bash(prepared);
    expect({ code, stdout, stderr }).toEqual({ ...works, ...expected });
  });
});
