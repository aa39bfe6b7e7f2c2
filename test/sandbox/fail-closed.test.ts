/** If the sandbox is not available, nothing runs, and the error names what is missing. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "#platform/host/find-program";
import { testBubblewrap } from "./helpers/tools.ts";
import { everyone, startWorker, type TestWorkerOptions, type Who } from "./helpers/worker.ts";

const request = { code: "echo ran", language: "sh" };

describe.each(everyone)("fail closed, as %s", (who: Who) => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "kgents-closed-"));
    // The stand-ins write here as the worker's user.
    await chmod(directory, 0o777);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const script = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  };
  const refusedBy = async (options: TestWorkerOptions, asked: object = {}) => {
    const worker = await startWorker(who, options);
    try {
      const result = await worker.run({ ...request, ...asked });
      expect(result.outcome).toBeNull();
      expect(result.stdout.toString()).toBe("");
      return { ...result.error, status: await worker.status() };
    } finally {
      await worker.close();
    }
  };

  test("no bubblewrap", async () => {
    const refusal = await refusedBy({ bubblewrap: null });
    expect(refusal).toMatchObject({ code: "sandbox-unavailable", status: { available: false, isolation: null } });
    expect(refusal.message).toContain("bwrap");
    expect(refusal.remedy).toContain("apt install bubblewrap");
  });

  test.each([
    [
      "cannot make namespaces",
      "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
      "namespaces",
      "cluster",
    ],
    [
      "is stopped by AppArmor",
      "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1",
      "AppArmor",
      "apparmor_restrict_unprivileged_userns",
    ],
    ["fails in an unknown way", "echo 'bwrap: strange' >&2; exit 1", "strange", "bubblewrap"],
    ["says nothing", "exit 1", "nothing", "bubblewrap"],
    // Like a wrapper that omits the isolation.
    [
      "does not isolate",
      'while [ "$1" != -- ]; do shift; done; shift; run=$(dirname "$0")/run; cat <&8 >$run; exec sh $run',
      "isolate",
      "status",
    ],
  ])("bubblewrap %s", async (name, text, message, remedy) => {
    const path = await script(
      `bwrap-${name.replaceAll(" ", "-")}`,
      `if [ "$1" = --version ]; then echo bubblewrap 0.8.0; exit; fi\n${text}`,
    );
    const refusal = await refusedBy({ bubblewrap: path });
    expect(refusal.code).toBe("sandbox-unavailable");
    expect(refusal.message).toContain(message);
    expect(refusal.remedy).toContain(remedy);
  });

  test("bubblewrap is too old", async () => {
    const path = await script("bwrap-old", "echo bubblewrap 0.4.1");
    expect(await refusedBy({ bubblewrap: path })).toMatchObject({
      code: "sandbox-unavailable",
      message: expect.stringContaining("0.4.1"),
    });
  });

  test("bubblewrap without the system call filter", async () => {
    const real = await testBubblewrap();
    // Removes --seccomp from the arguments.
    const path = await script(
      "bwrap-no-seccomp",
      `if [ "$1" = --version ]; then exec ${real} --version; fi\nargs=$(mktemp)\ntr '\\0' '\\n' <&5 | sed '/^--seccomp$/,+1d' | tr '\\n' '\\0' >$args\nexec ${real} --args 5 -- /bin/sh /.kgents/run 5<$args`,
    );
    const refusal = await refusedBy({ bubblewrap: path });
    expect(refusal.message).toContain("system call filter should be 2");
  });

  /** A worker that finds every system tool except the given ones. */
  const without = async (hidden: readonly string[]): Promise<TestWorkerOptions> => {
    const empty = join(directory, "empty");
    await writeFile(empty, "", { mode: 0o644 });
    const binds: string[] = [];
    for (const name of hidden) {
      for (const place of ["/usr/bin", "/usr/sbin", "/usr/local/bin"]) {
        const found = await findProgram(name, place);
        if (found) binds.push(`mount --bind ${empty} ${found}`);
      }
    }
    return {
      prefix: [
        "unshare",
        ...(process.geteuid?.() === 0 ? ["-m"] : ["-rm"]),
        "sh",
        "-c",
        `${binds.join(" && ")} && exec "$@"`,
        "sh",
      ],
    };
  };

  if (who === "root")
    test("no setpriv", async () => {
      const refusal = await refusedBy(await without(["setpriv"]));
      expect(refusal).toMatchObject({ code: "sandbox-unavailable", message: expect.stringContaining("setpriv") });
      expect(refusal.remedy).toContain("util-linux");
    });

  if (who === "root")
    test.each(["slirp4netns", "nft", "nsenter"])("no %s: refused with network, and only then", async (tool) => {
      const options = await without([tool]);
      const refusal = await refusedBy(options, { network: true });
      expect(refusal.code).toBe("network-isolation-unavailable");
      expect(refusal.message).toContain(tool);
      expect(refusal.remedy).toContain("--network");
      const worker = await startWorker(who, options);
      expect((await worker.run(request)).stdout.toString()).toBe("ran\n");
      await worker.close();
    });

  test("an interpreter that is not there", async () => {
    const refusal = await refusedBy({ path: directory }, { language: "python", code: "1" });
    expect(refusal).toMatchObject({ code: "interpreter-missing", message: expect.stringContaining("python3") });
  });

  test("unsandboxed is said in the result", async () => {
    const worker = await startWorker(who, { unsandboxed: true });
    const { stdout } = await worker.run({ code: "echo bare; cat", language: "sh", stdin: "in" });
    expect(stdout.toString()).toBe("bare\nin");
    const { isolation } = await worker.status();
    expect(isolation?.level).toBe("none");
    expect(isolation?.filesystem.enforced).toBe(false);
    await worker.close();
  });
});
