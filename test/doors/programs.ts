/** The TypeScript API and `kgents/tools` in programs. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExecutionHandle, exitCodeOf, filesFrom, type Quartermaster, resultSchema } from "#client/index";
import { runCodeTool } from "#client/tools/index";
import { type Doors, type Visitor, visitorOf } from "./doors.ts";

/** Collects the text of each stream. */
async function textOf(events: ReturnType<ExecutionHandle["output"]>): Promise<Record<"stdout" | "stderr", string>> {
  const text = { stdout: "", stderr: "" };
  for await (const event of events) {
    if (event.type === "output") text[event.stream] += Buffer.from(event.bytes).toString();
  }
  return text;
}

export function testPrograms(get: () => Doors): void {
  let doors: Doors;
  let visitor: Visitor;
  let quartermaster: Quartermaster;
  beforeAll(async () => {
    doors = get();
    visitor = visitorOf(doors);
    quartermaster = await visitor.quartermaster();
  });
  afterAll(() => quartermaster.close());

  test("execute: a result as its schema says, with a folder in and files out, up to the limit of their number", async () => {
    const folder = join(doors.terminal.directory, "program");
    await mkdir(join(folder, "lib"), { recursive: true });
    await writeFile(join(folder, "main.py"), "import lib.many; lib.many.write()");
    await writeFile(
      join(folder, "lib/many.py"),
      "def write():\n  for n in range(300): open(f'{n}.txt', 'w').write(str(n))",
    );
    const files = await filesFrom(`${folder}/.`);
    const result = await quartermaster.execute({ files, entrypoint: "main.py", outputs: ["*.txt"], ttl: 1 });
    expect(resultSchema.parse(result)).toEqual(result);
    expect(result).toMatchObject({ status: "succeeded", backend: doors.backend, isolation: { level: doors.level } });
    expect(result.files).toHaveLength(256);
    expect(result.filesOmitted).toHaveLength(44);
    expect(new Set(result.filesOmitted.map(({ reason }) => reason))).toEqual(
      new Set(["a limit on output files is reached"]),
    );
  });

  test("a handle: output while the code runs, the output so far, inspect, cancel; and the list", async () => {
    const request = {
      code: "echo begun; echo oops >&2; sleep 4333",
      language: "sh",
      timeout: 700,
      labels: { by: "test" },
    };
    const handle = await quartermaster.start(request, { id: "handled" });
    const iterator = handle.output()[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    await iterator.return?.();
    await expect
      .poll(() => textOf(handle.outputSoFar()))
      .toEqual({
        stdout: "begun\n",
        stderr: "oops\n",
      });
    expect(await handle.describe()).toMatchObject({ status: "running", phase: "executing", closedAt: null });
    expect(await handle.inspect()).toMatchObject({
      status: "running",
      backend: doors.backend,
      request,
      result: null,
      isolation: { level: doors.level },
      timings: { queued: expect.any(Date), provisioned: expect.any(Date), finished: null },
    });
    const listed = async () => {
      const runs: string[] = [];
      for await (const { id, backend } of quartermaster.list({ status: ["running"], labels: { by: "test" } })) {
        runs.push(`${id} ${backend}`);
      }
      return runs;
    };
    expect(await listed()).toEqual([`handled ${doors.backend}`]);

    await handle.cancel();
    const result = await handle.result();
    await visitor.expectNothingLeft("handled", "sleep 4333");
    expect(result).toMatchObject({ status: "cancelled", stdout: { text: "begun\n" }, stderr: { text: "oops\n" } });
    expect(exitCodeOf(result)).toBe(130);
    expect(await textOf(handle.output())).toEqual({ stdout: "begun\n", stderr: "oops\n" });
    await expect.poll(listed).toEqual([]);
    expect(await (await quartermaster.get("handled")).result()).toEqual(result);
  });

  test("kgents/tools: runs code, tells of its output, is cancelled by a signal", async () => {
    const runCode = runCodeTool({ quartermaster, fixed: { ttl: 1 } });
    const output = await runCode.execute('{"code": "print(6 * 7)"}');
    expect(output).toMatchObject({ ok: true, result: { backend: doors.backend, stdout: { text: "42\n" } } });
    const controller = new AbortController();
    const told: Uint8Array[] = [];
    const cancelled = await runCode.execute(
      { code: "echo begun; exec sleep 4334", language: "sh", timeout: "2h", id: "by-tool" },
      {
        signal: controller.signal,
        onOutput: (event) => {
          if (event.type === "output") told.push(event.bytes);
          controller.abort();
        },
      },
    );
    expect(cancelled).toMatchObject({ ok: true, result: { status: "cancelled", stdout: { text: "begun\n" } } });
    expect(Buffer.concat(told).toString()).toBe("begun\n");
    await visitor.expectNothingLeft("by-tool", "sleep 4334");
  });
}
