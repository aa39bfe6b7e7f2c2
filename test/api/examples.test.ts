/**
 * The programs of examples/ and of the docs pages, each as a separate process, on a stack that the first one starts.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "examples");
let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const cases: Record<string, { stdout: unknown; stderr?: string }> = {
  "run-code.ts": {
    stdout: [
      'succeeded 0 "hello\\n"',
      'failed 1 "no luck\\n"',
      'invalid-request memory memory: got "a lot"; allowed is a quantity from 16Mi to 1Ti, such as "256Mi"',
    ],
  },
  "agent-tool.ts": {
    stdout: [
      "run_code run_code description inputSchema execute toModelOutput",
      ...["true 42", "", "error: invalid-request"],
      'message: memory: got "plenty"; allowed is a quantity from 16Mi to 1Ti, such as "256Mi"',
      ...["field: memory", "what to do: Correct the field that is named and run it again."],
    ],
  },
  "stream-output.ts": { stdout: ["line 1", "line 2", "line 3", "succeeded"], stderr: "done\n" },
  "cancel.ts": { stdout: ['cancelled "begun\\n"', "cancelled"] },
  "list-runs.ts": { stdout: ["failed exit(3) 3", "succeeded print('hello') 0"] },
  "job-builder.ts": { stdout: ["Job exec-dry-run research", 'succeeded "hello\\n"'] },
  "batch.ts": { stdout: ["0 succeeded 4", "1 succeeded 42", "2 failed"] },
  "with-files.ts": { stdout: ["asked for the total", "total.txt 3.75"] },
  "with-folder.ts": { stdout: ["lib/greeting.py main.py", "hello you"] },
};

test.each(Object.entries(cases))("%s", async (name, { stdout, stderr = "" }) => {
  const ended = await terminal.program(process.execPath, [join(folder, name)]);
  expect({ ...ended, stdout: ended.stdout.trimEnd().split("\n") }).toMatchObject({ code: 0, stdout, stderr });
});

test("none is left out", async () => {
  const programs = (await readdir(folder)).filter((name) => name.endsWith(".ts"));
  expect(programs.sort()).toEqual(Object.keys(cases).sort());
});

test.each([
  ["README.md", 0, /^succeeded 0 hello\n\n0\n1\n2\nsucceeded\n21\n$/],
  ["docs/sessions.md", 0, /^21\n$/],
  ["README.md", 1, /^succeeded, exit code 0 .*<stdout \w+>\n42\n<\/stdout/s],
  ["docs/mcp.md", 0, /^$/],
])("%s, its TypeScript number %i as printed", async (page, index, stdout) => {
  const shown = [...(await readFile(join(root, page), "utf8")).matchAll(/```ts\n(.*?)```/gs)];
  const ended = await terminal.program(process.execPath, ["--input-type=module-typescript"], {
    // A directory in which the package's own name resolves.
    directory: root,
    input: shown[index]?.[1] ?? "",
  });
  expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(stdout), stderr: "" });
});
