/** The inputs and outputs of programs of every kind, in both modes. */
import { existsSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { checkAnswer, programs, sh } from "../support/programs.ts";
import { endWithoutLeftovers } from "./helpers/leftovers.ts";
import { everyone, startWorker } from "./helpers/worker.ts";

describe.each(everyone)("programs, as %s", (who) => {
  const started = startWorker(who);
  afterAll(async () => endWithoutLeftovers(await started));

  test.each(programs)("$name", async ({ request, ...expected }) => {
    checkAnswer(await (await started).run(request), expected);
  });

  test("large output arrives whole, in order, without a newline", async () => {
    const worker = await started;
    const { stdout } = await worker.run(sh("head -c 20000000 /dev/zero | tr '\\0' x", { cpu: 2 }));
    expect(stdout.length).toBe(20_000_000);
  });

  test("git takes the work directory for the code's own", async () => {
    const worker = await started;
    const request = sh("git init --quiet . && git status --short");
    checkAnswer(await worker.run(request), { stdout: "?? main.sh\n", stderr: "" });
  });

  test.runIf(["/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"].some(existsSync) && existsSync("/usr/bin/openssl"))(
    "OpenSSL finds its settings",
    async () => {
      const worker = await started;
      const request = sh(`
        openssl version -a >/dev/null && openssl rand -hex 4 >/dev/null && python3 -c 'import ssl; ssl.create_default_context()'
        openssl req -new -newkey ed25519 -nodes -subj /CN=cell -keyout /tmp/key -out /tmp/request 2>/tmp/said || cat /tmp/said >&2
        head -n 1 /tmp/request
      `);
      checkAnswer(await worker.run(request), { stdout: "-----BEGIN CERTIFICATE REQUEST-----\n", stderr: "" });
    },
  );

  test("stopping keeps the output so far and ends everything at once", async () => {
    const worker = await started;
    const began = performance.now();
    const result = await worker.run(sh("echo before; setsid sleep 600 & trap '' TERM; sleep 600"), { stopAfter: 500 });
    expect(result.stdout.toString()).toBe("before\n");
    expect(result.outcome).toMatchObject({ exit: null, lost: null });
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
