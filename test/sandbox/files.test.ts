/** Output files are untrusted: isolation.md 5. */
import { afterAll, describe, expect, test } from "vitest";
import { attackRequest, checkAttack, outputAttacks } from "../support/output-attacks.ts";
import { everyone, startWorker } from "./helpers/worker.ts";

describe.each(everyone)("output files, as %s", (who) => {
  const started = startWorker(who);
  afterAll(async () => (await started).close());

  test.each(outputAttacks)("$name", async (attack) => {
    checkAttack(await (await started).run(attackRequest(attack)), attack);
  });

  test("a forged stream on the control descriptor gives nothing but a forged result", async () => {
    const worker = await started;
    // The code cannot reach the supervisor's descriptors (privilege.test.ts). The worker validates everything that it
    // receives all the same.
    const code =
      "for fd in /proc/1/fd/*; do printf 'exit 7\\n\\0../../evil\\0' >$fd 2>/dev/null; done; sleep 0.2; exit 0";
    const { outcome, files } = await worker.run({ code, language: "sh", outputs: ["*"] });
    expect(outcome?.lost).toBeNull();
    expect(files).toEqual({});
  });

  test("nothing persists between runs", async () => {
    const worker = await started;
    const request = {
      code: "ls -A /work /tmp /dev/shm; echo x >/work/a; echo x >/tmp/a; echo x >/dev/shm/a",
      language: "sh",
    };
    const first = await worker.run(request);
    const second = await worker.run(request);
    expect(second.stdout.toString()).toBe(first.stdout.toString());
    expect(second.stdout.toString()).toBe("/dev/shm:\n\n/tmp:\n\n/work:\nmain.sh\n");
  });
});
