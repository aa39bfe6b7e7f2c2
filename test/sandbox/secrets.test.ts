/** Nothing of the worker or of another run is visible inside: isolation.md 6. */
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { supervisorScript } from "#cells/subprocess/sandbox/supervisor-script";
import { processesWith } from "./helpers/leftovers.ts";
import { everyone, startWorker, type TestWorker } from "./helpers/worker.ts";

const secret = "s3cret-of-the-worker";
const environment = {
  TEMPORAL_API_KEY: secret,
  AWS_SECRET_ACCESS_KEY: secret,
  KUBECONFIG: `/x/${secret}`,
  LD_LIBRARY_PATH: `/${secret}`,
};

describe.each(everyone)("secrets, as %s", (who) => {
  let worker: TestWorker;
  let directory: string;
  let descriptor: number;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "kgents-secret-"));
    await writeFile(join(directory, "file"), secret, { mode: 0o644 });
    descriptor = openSync(join(directory, "file"), "r");
    // Descriptor 4 of the worker, not marked close-on-exec, and one far above.
    worker = await startWorker(who, { environment, descriptors: [descriptor, ...Array(30).fill(descriptor)] });
  });
  afterAll(async () => {
    await worker.close();
    closeSync(descriptor);
    await rm(directory, { recursive: true, force: true });
  });

  test("the worker has them", async () => {
    const { pid } = worker.process;
    await worker.status();
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).toContain(secret);
    expect(await readlink(`/proc/${pid}/fd/4`)).toBe(join(directory, "file"));
  });

  test.each([
    ["the environments of all processes", "cat /proc/*/environ /proc/*/cmdline"],
    [
      "inherited descriptors",
      'for fd in /proc/self/fd/* /proc/1/fd/*; do [ -f $fd ] && cat $fd; done; i=3; while [ $i -lt 64 ]; do python3 -c "import os; os.set_blocking($i, False); print(os.read($i, 99))" 2>/dev/null; i=$((i+8)); done',
    ],
    ["the root of the first process", "ls -A /proc/1/root /proc/1/root/root /proc/1/cwd"],
  ])("%s", async (_name, code) => {
    const { stdout, outcome } = await worker.run({ code: `{ ${code}; } 2>&1; true`, language: "sh", cpu: 2 });
    expect(outcome?.exit?.code).toBe(0);
    expect(stdout.toString("latin1")).not.toContain(secret);
  });

  test("descriptors are the three streams and nothing that can be read", async () => {
    const code = `
import os
for n in sorted(map(int, os.listdir("/proc/self/fd"))):
    if n > 2:
        try: print(os.readlink(f"/proc/self/fd/{n}"))
        except FileNotFoundError: pass
`;
    const { stdout } = await worker.run({ code });
    // Descriptors that the worker could not close are /dev/null.
    expect(stdout.toString()).toMatch(/^(?:\/dev\/null\n)*$/);
  });

  test.each([
    "/root",
    "/home",
    "/etc/shadow",
    "/var",
    "/run",
    "/sys",
    "/var/run/secrets/kubernetes.io",
    "/boot",
    "/srv",
  ])("%s is not there", async (path) => {
    const { stdout } = await worker.run({ code: `ls ${path} 2>&1 | head -1`, language: "sh" });
    expect(stdout.toString()).toMatch(/No such file|^$/);
  });

  test("another run's files and processes are not there", async () => {
    const other = worker.run({ code: "echo mine >/work/mine; sleep 3.21", language: "sh" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { stdout } = await worker.run({
      code: "find / -name mine 2>/dev/null; ls /proc | grep -c '^[0-9]'; cat /proc/*/cmdline | tr '\\0' ' '",
      language: "bash",
    });
    expect(stdout.toString()).not.toContain("sleep 3.21");
    expect(stdout.toString()).not.toContain("/mine");
    await other;
  });

  test("the request's secrets are in no command line and no environment outside", async () => {
    const mine = "s3cret-of-the-request";
    const running = worker.run({
      code: "sleep 76543 & wait",
      language: "sh",
      env: { TOKEN: mine },
      stdin: mine,
      timeout: 2,
    });
    let seen: number[] = [];
    while (seen.length === 0) seen = await processesWith("sleep 76543");
    const outside = await processesWith("/bwrap --args");
    expect(outside.length).toBeGreaterThan(0);
    for (const pid of outside)
      expect(await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")).toMatch(/^(?:PWD=\/\0)?$/);
    expect(await processesWith(mine)).toEqual([]);
    await running;
  });

  test("every name arrives as it was given, those that shells heed too, and not by a command line", async () => {
    const heeded =
      "MAIL MAILPATH MAILCHECK TERM BASH_ENV BASH_XTRACEFD ENV IFS PS1 PS4 PWD OLDPWD CDPATH HISTSIZE HOSTNAME OPTARG TMOUT";
    const set = "_ OPTIND UID EUID PPID RANDOM SECONDS SHLVL SHELLOPTS BASH_COMMAND LINENO";
    const of = (names: string) => Object.fromEntries(names.split(" ").map((name) => [name, `a 'b' $${name} \n`]));
    const env = { ...of(heeded), ...of(set) };
    const code = `import json, os\nprint(json.dumps({n: os.environ.get(n) for n in ${JSON.stringify(Object.keys(env))}}))`;
    const { stdout } = await worker.run({ code, env, cpu: 1 });
    expect(JSON.parse(stdout.toString())).toEqual(env);
    const plan = {
      ...{ command: ["/bin/true"], environment: of(heeded), ownEnvironment: true, directory: "/work", stdin: false },
      ...{ timeout: 1000, inputs: false, patterns: [], openFiles: 9, largestFile: 9, ownsNamespace: true },
      ...{ fallback: { memory: null, pids: null }, drop: who === "root" ? ["/usr/bin/setpriv"] : [], session: null },
    };
    expect(supervisorScript(plan)).not.toContain("/usr/bin/env");
  });

  test("LD_PRELOAD of a request reaches no process that has privileges", async () => {
    // With this variable, the loader reports a missing library in every process.
    const { stdout, stderr, outcome } = await worker.run({
      code: "echo ran",
      language: "sh",
      env: { LD_PRELOAD: "/work/main.sh" },
      outputs: ["x"],
    });
    expect(stdout.toString()).toBe("ran\n");
    expect(stderr.toString()).toContain("LD_PRELOAD");
    expect(outcome?.exit?.code).toBe(0);
  });
});
