/** The processes of programs, and what cells say of their ends, as pure functions. */
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { controlReader } from "#cells/files/control-reader";
import { foldersLine } from "#cells/files/folders-line";
import { readKernelResult } from "#cells/files/kernel-result";
import { codeFileOf, commandOf, inputsOf, kernelFilesOf, neverOutput, stdinOf } from "#cells/program-command";
import { maximumKernelResult } from "#cells/provider";
import { type Program, programOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage, hasKernel } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import { parseExitMarker } from "#core/manifest/exit-marker";

const places = { shell: "sh", work: "/w", kernels: "/k", kernelHome: "/h" };
const programIn = (language: string, change: Partial<Program> = {}): Program => ({
  ...programOf(parseRequest({ code: "1", language, args: ["a b"] }), findLanguage(builtInLanguages, language)),
  ...change,
});
const commandIn = (name: string, interpreter: readonly string[], change: Partial<Program>) =>
  commandOf(programIn(name, change), 7, { language: findLanguage(builtInLanguages, name), interpreter }, places);

test.each<[language: string, interpreter: string[], change: Partial<Program>, command: string[]]>([
  ["python", ["python3", "-u"], {}, ["python3", "-u", "/w/main.py", "a b"]],
  ["python", ["python3"], { code: undefined, script: "echo $1" }, ["sh", "-c", "echo $1", "sh", "a b"]],
  ["python", ["/p", "-u"], { kernel: true }, ["sh", "/k/call.sh", "/h", "7", "/p", "-u", "/k/python/driver.py"]],
  ["javascript", ["node"], { kernel: true }, ["sh", "/k/call.sh", "/h", "7", "node", "/k/javascript/driver.mjs"]],
  [
    "typescript",
    ["node", "--flag"],
    { kernel: true },
    ["sh", "/k/call.sh", "/h", "7", "node", "--flag", "/k/javascript/driver.mjs", "typescript"],
  ],
  ["bash", ["/b"], { kernel: true }, ["/b", "--posix", "/k/call.sh", "/h", "7", "/b", "/k/bash/driver.sh"]],
])("%s by %j with %j", (language, interpreter, change, command) => {
  expect(commandIn(language, interpreter, change)).toEqual(command);
});

test("a language without a kernel is refused", () => {
  expect(() => commandIn("sh", ["sh"], { kernel: true })).toThrow("language: sh has no kernel");
  for (const language of builtInLanguages.filter((each) => !hasKernel(each))) {
    expect(() => kernelFilesOf(language)).toThrow(language.name);
  }
  for (const language of builtInLanguages.filter(hasKernel)) expect(kernelFilesOf(language)[0]).toBe("call.sh");
});

test("a kernel reads its code; other programs have it in a file", () => {
  const files = [{ name: "main.py", content: "2", executable: false }];
  const file = programIn("python", { files, stdin: "in" });
  expect([codeFileOf(file), stdinOf(file), inputsOf(file)]).toEqual([{ name: "main.py", content: "1" }, "in", []]);
  expect([...neverOutput(file)]).toEqual(["main.py"]);
  const call = programIn("python", { files, kernel: true });
  expect([codeFileOf(call), stdinOf(call), inputsOf(call)]).toEqual([undefined, "1", files]);
  expect([...neverOutput(call)]).toEqual([]);
});

test.each([
  [[], "\n"],
  [["a", "b.txt"], "\n"],
  [["a/b/c", "a/d", "it's/e"], "'a/b' 'a' 'it'\\''s'\n"],
])("the folders of %j", (names, line) => {
  expect(foldersLine(names.map((name) => ({ name })))).toBe(line);
});

describe("what a kernel says", () => {
  const said = (...chunks: string[]) =>
    readKernelResult(controlReader(Readable.from(chunks.map((c) => Buffer.from(c)))));
  test.each<[chunks: string[], result: unknown]>([
    [["{", "}", "\0rest"], { text: "{}" }],
    [["\0"], { absent: "none" }],
    [[], { absent: "none" }],
    [["cut off"], { absent: "none" }],
    [["x".repeat(maximumKernelResult), "\0"], { text: "x".repeat(maximumKernelResult) }],
    [["x".repeat(maximumKernelResult + 1), "\0"], { absent: "too-large" }],
    [["é".repeat(maximumKernelResult / 2), "x", "\0"], { absent: "too-large" }],
  ])("%#", async (chunks, result) => {
    expect(await said(...chunks)).toEqual(result);
  });
});

test.each([
  ["0 exit ", { code: 0, signalled: false, stopped: null }],
  ["137 signal timed-out", { code: 137, signalled: true, stopped: "timed-out" }],
  ["130 exit  interrupt", { code: 130, signalled: false, stopped: null, stoppedBy: "interrupt" }],
  ["137 signal disk-limit kill\n", { code: 137, signalled: true, stopped: "disk-limit", stoppedBy: "kill" }],
  ["0 exit kill", undefined],
  ["0 exit  stop", undefined],
  ["256 exit  kill", undefined],
])("the marker %j", (text, marker) => {
  expect(parseExitMarker(text)).toEqual(marker);
});
