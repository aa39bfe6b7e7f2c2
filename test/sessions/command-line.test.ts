/** `kgents session`, `exec --session`, `kgents shell`, and the tools of agents. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connectByStdio, textOf } from "../mcp/support.ts";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const kgents = (...args: string[]) => terminal.run(args);
const svg = "<svg xmlns='http://www.w3.org/2000/svg'/>";

test("a session is created, used, listed and ended", async () => {
  expect(await kgents("session", "create", "data", "--memory", "256Mi")).toMatchObject({ code: 0, stdout: "data\n" });
  await terminal.file("table.csv", "a,b\n1,2\n");
  expect(await kgents("session", "put", "data", "table.csv")).toMatchObject({ code: 0 });
  expect(await kgents("session", "run", "data", "--code", "x = open('table.csv').read(); len(x)")).toMatchObject({
    code: 0,
    stdout: "8\n",
  });
  const next = await kgents("exec", "--session", "data", "--code", "import sys; print(x[:3]); sys.exit(3)");
  expect(next).toMatchObject({ code: 3, stdout: "a,b\n" });
  const wrote = await kgents("exec", "--session", "data", "--code", "open('out.txt', 'w').write('out'); None");
  expect(wrote, wrote.stderr).toMatchObject({ code: 0, stdout: "" });
  const got = await kgents("session", "get", "data", "*.txt", "--output-dir", "out");
  expect(got, got.stderr).toMatchObject({ code: 0 });
  expect(await readFile(join(terminal.directory, "out/out.txt"), "utf8")).toBe("out");
  const picture = `class P:\n  def _repr_svg_(self): return "${svg}"\n  def __repr__(self): return 'P'\nP()`;
  expect(await kgents("exec", "--session", "data", "--output-dir", "shown", "--code", picture)).toMatchObject({
    code: 0,
    stdout: "P\n",
  });
  expect(await readFile(join(terminal.directory, "shown/call-4-1.svg"), "utf8")).toBe(svg);
  const { stdout } = await kgents("session", "ls");
  expect(JSON.parse(stdout)).toMatchObject({ id: "data", status: "ready", language: "python", calls: 4 });
  expect(await kgents("session", "rm", "data")).toMatchObject({ code: 0, stdout: "data\n" });
  expect((await kgents("session", "ls")).stdout).toBe("");
});

test("--create opens a session that is not there; without it the command says so", async () => {
  const none = await kgents("exec", "--session", "none", "--code", "1");
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toContain("there is no open session none");
  const made = await kgents(
    "exec",
    "--session",
    "made",
    "--create",
    "--memory",
    "256Mi",
    "--lang",
    "js",
    "--code",
    "6 * 7",
  );
  expect(made, made.stderr).toMatchObject({ code: 0, stdout: "42\n" });
  const other = await kgents("exec", "--session", "made", "--lang", "python", "--code", "1");
  expect(other).toMatchObject({ code: 2 });
  expect(other.stderr).toContain("the language of made");
  for (const flag of [["--memory", "1Gi"], ["--detach"], ["--priority", "1"]]) {
    const refused = await kgents("exec", "--session", "made", ...flag, "--code", "1");
    expect(refused.code, flag.join(" ")).toBe(2);
    expect(refused.stderr).toContain(flag[0]);
  }
  expect(await kgents("session", "rm", "made")).toMatchObject({ code: 0 });
});

test("kgents shell runs line after line, and code of several lines", async () => {
  const input = "x = 2\nfor i in range(2):\n  print(i)\n\nx + 1\n1/0\n";
  const { code, stdout, stderr } = await terminal.run(["shell", "--memory", "256Mi"], { input });
  expect(stdout, stderr).toBe("0\n1\n3\n");
  expect(stderr).toContain("ZeroDivisionError");
  expect(code).toBe(1);
  expect((await kgents("session", "ls")).stdout).toBe("");
});

test("an agent writes a file, explores it in calls of a session, and sees a picture", async () => {
  await using agent = await connectByStdio(terminal, "2025");
  const call = (name: string, input: Record<string, unknown>) => agent.client.callTool({ name, arguments: input });
  const session = "explored";
  const began = await call("run_code", { session, code: "rows = []", memory: "256Mi" });
  expect(textOf(began)).toContain("This is the first call of the session");
  expect(await call("write_files", { session, files: [{ name: "t.csv", content: "a\n1\n2\n" }] })).toMatchObject({
    structuredContent: { written: [{ name: "t.csv", bytes: 6 }] },
  });
  const summed = await call("run_code", {
    session,
    code: "rows += [int(line) for line in open('t.csv').read().split()[1:]]; sum(rows)",
  });
  expect(summed).toMatchObject({
    structuredContent: { id: session, status: "succeeded", session: { call: 2, kernel: "same", values: ["3"] } },
  });
  expect(textOf(summed)).toContain("session explored, call 2");
  expect(textOf(summed)).not.toContain("first call");
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const shown = await call("run_code", {
    session,
    code: `import base64\nclass P:\n  def _repr_png_(self): return base64.b64decode("${png}")\nP()`,
  });
  expect(shown.content).toContainEqual({ type: "image", data: png, mimeType: "image/png" });
  await call("run_code", { session, code: "open('out.txt', 'w').write('done')" });
  const listed = await call("list_files", { session });
  expect(listed).toMatchObject({ structuredContent: { files: [{ name: "out.txt" }, { name: "t.csv" }] } });
  const read = await call("read_files", { session, patterns: ["out.*"] });
  expect(read).toMatchObject({
    structuredContent: { files: [{ name: "out.txt", content: "done", encoding: "utf-8" }] },
  });
  const files = [{ name: "a", content: "" }];
  expect(textOf(await call("write_files", { session, files }))).not.toContain("new session");
  const other = await call("write_files", { session: "other", files });
  expect(textOf(other)).toContain("A new session was started");
  expect(await kgents("session", "rm", "other")).toMatchObject({ code: 0 });
  expect(await kgents("session", "create", "person", "--memory", "64Mi")).toMatchObject({ code: 0 });
  const foreign = [
    await call("run_code", { session: "person", code: "1" }),
    await call("write_files", { session: "person", files }),
    await call("read_files", { session: "person", patterns: ["*"] }),
    await call("list_files", { session: "person" }),
  ];
  for (const answer of foreign) {
    expect(answer.isError).toBe(true);
    expect(textOf(answer)).toContain('session: got "person", which "cli:');
  }
  expect((await kgents("session", "rm", "person")).stdout).toBe("person\n");
  const refused = await call("run_code", { session, code: "1", language: "bash" });
  expect(refused.isError).toBe(true);
  expect(textOf(refused)).toContain("language");
  expect(await kgents("session", "rm", session)).toMatchObject({ code: 0 });
});
