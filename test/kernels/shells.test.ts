// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are code of other languages.
/** What a user of a notebook types, in one kernel of JavaScript, of TypeScript, and of bash. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type KernelLanguage, prepareKernel } from "./kernel.ts";

interface Call {
  readonly code: string;
  readonly exit?: number;
  readonly stdout?: string;
  readonly stderr?: RegExp;
  readonly shown?: readonly string[];
  readonly status?: string;
  /** A file that is written before. */
  readonly file?: readonly [name: string, content: string];
}

const calls: Record<Exclude<KernelLanguage, "python">, readonly Call[]> = {
  javascript: [
    { code: "let x = 1" },
    { code: "console.log(x); x + 1", stdout: "1\n", shown: ["2"] },
    { code: "_ * 10", shown: ["20"] },
    { code: "x;" },
    { code: "undefined" },
    { code: "const y = 1; const z = [y]; z", shown: ["[ 1 ]"] },
    { code: "const y = 2; y", shown: ["2"] },
    { code: "let x = 'again'; x", shown: ["'again'"] },
    { code: "({ a: 1 })", shown: ["{ a: 1 }"] },
    { code: "throw new Error('bad')", exit: 1, stderr: /^Error: bad\n {4}at call-10:1:7\n$/ },
    {
      code: "function f() {\n  return nothing;\n}\nf()",
      exit: 1,
      stderr: /at f \(call-11:2:3\)\n {4}at call-11:4:1\n$/,
    },
    { code: "throw 'text'", exit: 1, stderr: /^Uncaught 'text'\n$/ },
    { code: "let = 5 5", exit: 1, stderr: /SyntaxError/ },
    { code: "await new Promise((resolve) => setTimeout(resolve, 10)); 'slept'", shown: ["'slept'"] },
    { code: "await Promise.reject(new TypeError('no'))", exit: 1, stderr: /TypeError: no/ },
    {
      code: "import fs, { readFileSync as read } from 'node:fs';\ntypeof read + typeof fs",
      shown: ["'functionobject'"],
    },
    { code: "import * as path from 'node:path'\npath.join('a', 'b')", shown: ["'a/b'"] },
    { code: "const { join } = await import('node:path'); join('c')", shown: ["'c'"] },
    { code: "require('node:os').EOL", shown: ["'\\n'"] },
    { code: "const text = `import ${x} from`; /import('a')/.test(text) // import('z')", shown: ["false"] },
    { code: "import { value } from './own.mjs'; value", file: ["own.mjs", "export const value = 1"], shown: ["1"] },
    { code: "import { value } from './own.mjs'; value", file: ["own.mjs", "export const value = 22"], shown: ["22"] },
    { code: "require('./own.cjs')", file: ["own.cjs", "module.exports = 3"], shown: ["3"] },
    { code: "process.exit(3)", exit: 3, status: "exit" },
    { code: "x", shown: ["'again'"] },
    {
      code: "require('child_process').spawnSync('echo', ['child'], { stdio: 'inherit' }).status",
      stdout: "child\n",
      shown: ["0"],
    },
    { code: "setTimeout(() => console.log('late'), 50); 1;" },
    { code: "await new Promise((resolve) => setTimeout(resolve, 200))", stdout: "late\n" },
    { code: "1n + 2n", shown: ["3n"] },
    { code: "[NaN, -0]", shown: ["[ NaN, -0 ]"] },
    { code: "Symbol('s')", shown: ["Symbol(s)"] },
    { code: "null", shown: ["null"] },
    { code: "display(1, 'two'); 3", shown: ["1", "'two'", "3"] },
    { code: "class A { b = 1 }\nnew A()", shown: ["A { b: 1 }"] },
    { code: "class A { b = 2 }\nnew A()", shown: ["A { b: 2 }"] },
    { code: "process.stdout.write('no line end'); console.error('e')", stdout: "no line end", stderr: /^e\n$/ },
    { code: "größe = 'ä'", shown: ["'ä'"] },
    {
      code: "setTimeout(() => { throw new Error('background') }, 1); await new Promise((resolve) => setTimeout(resolve, 50))",
      stderr: /Uncaught Error: background/,
    },
  ],
  typescript: [
    { code: "let x: number = 1; interface A { b: string }" },
    { code: "const a: A = { b: 'c' };\na satisfies A", shown: ["{ b: 'c' }"] },
    { code: "enum Color { Red = 3 }\nColor.Red", shown: ["3"] },
    {
      code: "function f<T>(value: T): T {\n  throw new Error(String(value));\n}\nf(x)",
      exit: 1,
      stderr: /Error: 1\n {4}at f \(call-4:2:9\)/,
    },
    { code: "import type { Stats } from 'node:fs';\nimport { sep } from 'node:path';\nsep", shown: ["'/'"] },
    { code: "let y: = 1", exit: 1, stderr: /SyntaxError|Expected|expected/ },
    { code: "x as unknown", shown: ["1"] },
  ],
  bash: [
    { code: "x=1; declare -A map=([a]=b)" },
    { code: "echo $x ${map[a]}; echo e >&2; false", exit: 1, stdout: "1 b\n", stderr: /^e\n$/ },
    { code: "cd /; f() { echo in f $1; }" },
    { code: "f 2; pwd", stdout: "in f 2\n/\n" },
    { code: "nosuch", exit: 127, stderr: /\/5\/code: line 1: nosuch: command not found/ },
    { code: "if then", exit: 2, stderr: /\/6\/code: line 1: syntax error/ },
    { code: "while read -r line; do echo $line; done; cat" },
    { code: "set -u; echo ${nothing}", exit: 1, stderr: /nothing: unbound variable/, status: "gone" },
    { code: "echo [${x:-}]", stdout: "[]\n" },
    { code: "return 5", exit: 5 },
    { code: "trap 'echo bye' EXIT; exit 4", exit: 4, stdout: "bye\n", status: "gone" },
  ],
};

describe.each(Object.entries(calls))("%s", (language, all) => {
  test("calls of one kernel", { timeout: 60_000 }, async () => {
    await using kernel = await prepareKernel(language as KernelLanguage);
    for (const { code, exit = 0, stdout = "", stderr = /^$/, shown = [], status, file } of all) {
      if (file) await writeFile(join(kernel.directory, file[0]), file[1]);
      const end = await kernel.run(code);
      expect(end.stderr, code).toMatch(stderr);
      expect({ code: end.code, stdout: end.stdout }, code).toEqual({ code: exit, stdout });
      expect(end.result?.status ?? "gone", code).toBe(status ?? (exit === 0 ? "ok" : "error"));
      expect(end.result?.displays.map((bundle) => bundle["text/plain"]) ?? [], code).toEqual(shown);
    }
  });
});
