/** Packages of runs in the sandbox: with the real installers, and the index as this machine reaches it. */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ExecutionRequest, KgentsError } from "#client/index";
import { openCodeSession } from "#client/sdk/sessions/open-session";
import type { SessionRequest } from "#core/contract/session/session";
import { kgentsPaths } from "#platform/host/paths";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

let cache: string;
let worker: TestWorker;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "kgents-packages-"));
  const tools = join(kgentsPaths().cache, "tools");
  await mkdir(tools, { recursive: true, mode: 0o700 });
  await symlink(tools, join(cache, "tools"));
  worker = await startTestWorker(inject("temporalAddress"), {
    cacheDirectory: cache,
    configuration: { worker: { packages: { names: ["six", "idna", "numpy", "matplotlib", "is-*", "zod"] } } },
  });
});
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await rm(cache, { recursive: true, force: true });
});

/** Long enough for a machine that does several things at once. */
const timeout = 120;

describe("a run", () => {
  it("imports the packages that the request asks for, and its result says which", async () => {
    const code = "import numpy; print(numpy.arange(4).sum())";
    const result = await worker.run({ code, packages: { python: ["numpy"] }, timeout });
    expect(result).toMatchObject({ status: "succeeded", stdout: { text: "6\n" } });
    expect(result.environment).toMatchObject({ ecosystem: "python", version: expect.stringMatching(/^3\./) });
    expect(result.environment?.lock).toMatch(/^numpy==\d\S* --hash=sha256:[0-9a-f]{64}/);
  });

  it("gets what a block in its code names, unless it says not to, and stays offline", async () => {
    const code = `# /// script
# dependencies = ["six>=1.16", "idna; python_version < '3'"]
# ///
import socket
try:
    import six
    print("six", six.__file__)
except ImportError as error:
    print(error)
try:
    socket.create_connection(("1.1.1.1", 443), 3)
except OSError as error:
    print("offline")
`;
    const { stdout, environment } = await worker.run({ code, timeout });
    expect(stdout.text).toBe("six /opt/kgents/packages/site/six.py\noffline\n");
    expect(environment?.lock).toMatch(/^six==\S+ --hash=\S+\n$/);
    const without = await worker.run({ code, packages: { inline: false }, timeout });
    // The interpreter of this machine may have one of its own.
    expect(without.stdout.text).not.toContain("/opt/kgents");
    expect(without).not.toHaveProperty("environment");
  });

  it.each<[language: string, code: string]>([
    ["javascript", 'import { z } from "zod"; import odd from "is-odd"; console.log(z.string().parse("a"), odd(3));'],
    [
      "javascript",
      'const { z } = require("zod"); const odd = require("is-odd"); console.log(z.string().parse("a"), odd(3));',
    ],
    [
      "typescript",
      'import { z } from "zod"; import odd from "is-odd"; const x: string = z.string().parse("a"); console.log(x, odd(3));',
    ],
  ])("in %s loads packages of npm: %s", async (language, code) => {
    const files = [{ name: "package.json", content: JSON.stringify({ dependencies: { "is-odd": "^3" } }) }];
    const result = await worker.run({ code, language, packages: { npm: ["zod@4"] }, files, timeout });
    expect(result).toMatchObject({
      status: "succeeded",
      stdout: { text: "a true\n" },
      environment: { ecosystem: "npm" },
    });
  });

  it.each<[request: ExecutionRequest, code: string, message: string]>([
    [
      { code: "1", packages: { python: ["requests"] } },
      "policy-violation",
      'packages.python: got "requests"; allowed is one of six, idna',
    ],
    [
      { code: "1", language: "sh", packages: { python: ["six"] } },
      "invalid-request",
      "packages.python: got packages for the language sh",
    ],
    [
      { code: "# /// script\n# dependencies = ['git+https://x']\n# ///\n" },
      "invalid-request",
      'code (its block `# /// script`): dependencies: got "git+https://x"',
    ],
    [
      { code: "# /// script\n# dependencies = ['idna']\n# requires-python = '<3'\n# ///\n" },
      "package-conflict",
      "the code requires Python <3",
    ],
  ])("is refused: %j", async (request, code, message) => {
    const refused = await worker.run(request).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KgentsError);
    expect(refused).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe("a session", () => {
  const open = (packages: SessionRequest["packages"]) =>
    openCodeSession(worker.client, worker.taskQueue, worker.store, { packages }, {});

  it("has its packages in every call, shows figures, and says which they are", async () => {
    const session = open({ python: ["matplotlib"] });
    const first = await session.run({ code: "import matplotlib.pyplot as plt; plt.plot([1, 2, 1]); None", timeout });
    expect(first).toMatchObject({ status: "succeeded", displays: [{ "image/png": expect.anything() }] });
    const second = await session.run("plt.__file__.startswith('/opt/kgents/packages/')");
    expect(second.displays[0]?.["text/plain"]?.data).toBe("True");
    const { environment } = await session.state();
    expect(environment).toMatchObject({ ecosystem: "python", lock: expect.stringMatching(/^matplotlib==/m) });
    await session.close();
  });

  it("says why its packages are not there, and has no cell then", async () => {
    const session = open({ python: ["numpy==0.0.1"] });
    await expect(session.run("1")).rejects.toMatchObject({ code: "package-not-found" });
    expect(await session.state()).not.toHaveProperty("environment");
    await session.close();
  });
});
