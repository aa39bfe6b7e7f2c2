/** Input and output of a cell through the artifact store, and live output. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { patternOf } from "../support/run-on-provider.ts";
import { useClusterWorker } from "./support.ts";

const here = useClusterWorker();

test("output comes while the code runs", async () => {
  const handle = await here.worker.start({
    code: "echo early; until [ -e go ]; do sleep 0.1; done; echo late",
    ...{ language: "sh", cpu: 1, ttl: 1, timeout: 60 },
  });
  const came: string[] = [];
  for await (const event of handle.output()) {
    if (event.type !== "output") continue;
    came.push(Buffer.from(event.bytes).toString());
    if (came.length > 1) continue;
    const [pod = ""] = (await here.namespace.left()).filter((name) => name.startsWith("pod/"));
    await here.namespace.kubectl("exec", pod, "--", "touch", "/work/go");
  }
  expect(came.join("")).toBe("early\nlate\n");
  expect(came[0]).toBe("early\n");
  expect((await handle.result()).status).toBe("succeeded");
});

test("code of 3 MiB", async () => {
  const code = `# ${"x".repeat(3 * 2 ** 20)}\nwc -c <main.sh`;
  const result = await here.worker.run({ code, language: "sh", cpu: 1, ttl: 1 });
  expect(result).toMatchObject({ status: "succeeded", stdout: { text: `${code.length}\n` } });
});

test("50 MB of binary stdin, and as much output", async () => {
  const stdin = Buffer.concat([...patternOf(50_000_000)]);
  const result = await here.worker.run({
    code: "cat",
    ...{ language: "sh", cpu: 2, ttl: 1, timeout: 60 },
    stdin: { base64: stdin.toString("base64") },
  });
  const sha256 = createHash("sha256").update(stdin).digest("hex");
  expect(result).toMatchObject({ status: "succeeded", stdout: { bytes: stdin.length, sha256, truncated: true } });
});
