/** What a user of a notebook types, in one Python kernel. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CallEnd, type Kernel, prepareKernel } from "./kernel.ts";

interface Expected {
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string | RegExp;
  /** `text/plain` of each display. */
  readonly shown?: readonly string[];
  readonly status?: string;
}

function check(end: CallEnd, { code = 0, stdout = "", stderr = "", shown = [], status }: Expected): void {
  expect(end.stderr).toMatch(typeof stderr === "string" ? new RegExp(`^${stderr}$`) : stderr);
  expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout });
  expect(end.result?.status).toBe(status ?? (code === 0 ? "ok" : "error"));
  expect(end.result?.displays.map((bundle) => bundle["text/plain"])).toEqual(shown);
}

let kernel: Kernel;
beforeAll(async () => {
  kernel = await prepareKernel("python");
});
afterAll(() => kernel[Symbol.asyncDispose]());

describe("one after another", () => {
  test.each<[code: string, expected: Expected]>([
    ["x = 1", {}],
    ["print(x)", { stdout: "1\n" }],
    ["x + 1", { shown: ["2"] }],
    ["_ * 10", { shown: ["20"] }],
    ["x;", {}],
    ["x  # a comment", { shown: ["1"] }],
    ["'a;b'", { shown: ["'a;b'"] }],
    ["None", {}],
    ["", {}],
    ["# only a comment", {}],
    ["for i in range(3):\n    i", {}],
    ["if True:\n    y = 3\ny", { shown: ["3"] }],
    [
      "1/0",
      {
        code: 1,
        stderr: /^Traceback.*\n {2}File "<call \d+>", line 1, in <module>\n {4}1\/0\n[\s\S]*ZeroDivisionError/,
      },
    ],
    ["def f():\n    return missing\n", {}],
    [
      "\n\nf()",
      {
        code: 1,
        stderr: /File "<call \d+>", line 3, in <module>[\s\S]*File "<call \d+>", line 2, in f\n {4}return missing/,
      },
    ],
    ["def f(): return 'new'", {}],
    ["f()", { shown: ["'new'"] }],
    ["try:\n    f(1)\nexcept TypeError as error:\n    kept = str(error)", {}],
    ["error", { code: 1, stderr: /NameError/ }],
    ["'positional' in kept", { shown: ["True"] }],
    [
      "raise ValueError('one') from KeyError('two')",
      { code: 1, stderr: /KeyError: 'two'[\s\S]*direct cause[\s\S]*ValueError: one/ },
    ],
    ["x = = 1", { code: 1, stderr: /File "<call \d+>", line 1\n[\s\S]*SyntaxError/ }],
    ["%matplotlib inline", { code: 1, stderr: /'%matplotlib' is a command of notebooks and not Python/ }],
    ["x = 1\n!ls", { code: 1, stderr: /'!ls' is a command of notebooks/ }],
    ["import asyncio\nawait asyncio.sleep(0.01)\n'slept'", { shown: ["'slept'"] }],
    ["async def later(): return 4\nawait later()", { shown: ["4"] }],
    ["[await later() for _ in range(2)]", { shown: ["[4, 4]"] }],
    ["asyncio.run(later())", { shown: ["4"] }],
    ["await later()", { shown: ["4"] }],
    ["input()", { code: 1, stderr: /EOFError/ }],
    ["import sys; sys.stdin.read()", { shown: ["''"] }],
    ["sys.exit(3)", { code: 3, status: "exit" }],
    ["exit()", { code: 0, status: "exit" }],
    ["sys.exit('why')", { code: 1, status: "exit", stderr: "why\n" }],
    ["x", { shown: ["1"] }],
    ["größe = 'ä'; größe", { shown: ["'ä'"] }],
    ["print('ß', end='')", { stdout: "ß" }],
    ["print('e', file=sys.stderr)", { stderr: "e\n" }],
    ["display(1, 'two')\n3", { shown: ["1", "'two'", "3"] }],
    ["import os; os.system('echo from a child')", { stdout: "from a child\n", shown: ["0"] }],
    ["import subprocess; subprocess.run(['cat']).returncode", { shown: ["0"] }],
    ["from threading import Timer; timer = Timer(0.1, lambda: print('late')); timer.start()", {}],
    ["import time; timer.join()", { stdout: "late\n" }],
    ["pid = os.fork()\nif pid == 0: print('child')\nelse: os.waitpid(pid, 0)\nNone", { stdout: "child\n" }],
    [
      "import multiprocessing\nwith multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, 2]))",
      { stdout: "[1, 2]\n" },
    ],
    ["class Point:\n    def __repr__(self): return 'P'\nPoint()", { shown: ["P"] }],
    ["class Broken:\n    def __repr__(self): raise OSError\nBroken()", { shown: ["<Broken: repr failed: OSError>"] }],
    ["import pickle; type(pickle.loads(pickle.dumps(Point()))) is Point", { shown: ["True"] }],
    ["__name__", { shown: ["'__main__'"] }],
    ["import warnings; warnings.warn('old')", { stderr: /UserWarning: old/ }],
    ["import inspect; inspect.getsource(f)", { shown: [`"def f(): return 'new'"`] }],
    ["x: int = 7\nx", { shown: ["7"] }],
    ["(y := 8)", { shown: ["8"] }],
    ["lambda: 1", { shown: [expect.stringMatching(/^<function <lambda>/)] }],
    ["del x", {}],
    ["x", { code: 1, stderr: /NameError: name 'x' is not defined/ }],
    ["from math import *\npi > 3", { shown: ["True"] }],
    [
      "print(*range(100000), sep='')",
      {
        stdout: Array.from({ length: 100_000 }, (_, index) => index)
          .join("")
          .concat("\n"),
      },
    ],
    ["import matplotlib_that_is_not_there", { code: 1, stderr: /ModuleNotFoundError/ }],
    ["raise KeyboardInterrupt", { code: 130, status: "interrupted", stderr: /KeyboardInterrupt/ }],
    ["raise BaseException('b')", { code: 1, stderr: /BaseException: b/ }],
    ["def deep(): return deep()\ndeep()", { code: 1, stderr: /RecursionError/ }],
  ])("%s", async (code, expected) => {
    check(await kernel.run(code), expected);
  });
});

test("values with representations of their own are shown by type, in bounds", async () => {
  const code = `
class Rich:
    def _repr_html_(self): return "<b>bold</b>"
    def _repr_png_(self): return b"\\x89PNG"
    def _repr_json_(self): return {"a": 1}
    def _repr_svg_(self): raise ValueError
    def __repr__(self): return "Rich"
Rich()`;
  expect((await kernel.run(code)).result?.displays).toEqual([
    { "text/html": "<b>bold</b>", "image/png": "iVBORw==", "application/json": '{"a": 1}', "text/plain": "Rich" },
  ]);
  expect((await kernel.run("Rich")).result?.displays).toEqual([{ "text/plain": "<class '__main__.Rich'>" }]);
  const many = await kernel.run("for i in range(20): display(i)");
  expect(many.result).toMatchObject({ displaysOmitted: 4 });
  expect(many.result?.displays).toHaveLength(16);
  const long = await kernel.run("'x' * 1_000_000");
  expect(long.result?.displays[0]?.["text/plain"]).toMatch(/^'x+\.\.\. \(\d+ characters more\)$/);
});

test("a module of the work directory is loaded again after it has changed", async () => {
  const module = join(kernel.directory, "helper.py");
  await writeFile(module, "value = 1\n");
  check(await kernel.run("import helper; helper.value"), { shown: ["1"] });
  check(await kernel.run("helper.value"), { shown: ["1"] });
  await writeFile(module, "value = 22\n");
  check(await kernel.run("import helper; helper.value"), { shown: ["22"] });
});

test("a kernel that ended is replaced by one that says so: its first call has number 1", async () => {
  await using own = await prepareKernel("python");
  check(await own.run("x = 1"), {});
  const ended = await own.run("import os; print('last', flush=True); os._exit(7)");
  expect(ended).toMatchObject({ code: 7, stdout: "last\n", result: null });
  const next = await own.run("'x' in globals()");
  expect(next.result).toMatchObject({ call: 1, displays: [{ "text/plain": "False" }] });
});
