/** Completion in the real shells; zsh and fish only if installed. */
import { existsSync } from "node:fs";
import { mkdir, rm, symlink } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { isPresent } from "../support/debian-packages.ts";
import { kgentsEntry } from "../support/worker-process.ts";

let terminal: CommandLine;
let path: string;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  const program = await terminal.file("bin/kgents", `#!/bin/sh\nexec "${process.execPath}" "${kgentsEntry}" "$@"\n`);
  await terminal.program("chmod", ["+x", program]);
  for (const name of ["B-gent", "l-gent", "README", "no name"]) await terminal.file(`spec/agents/${name}.md`, "");
  path = `${join(terminal.directory, "bin")}${delimiter}${process.env.PATH}`;
});
afterAll(() => terminal[Symbol.asyncDispose]());

/** The candidates of each shell for a line, in alphabetical order. */
const completers = {
  /** Splits words like bash does, also at the characters of COMP_WORDBREAKS. */
  bash: (line: string) => `
source <(kgents completion bash)
read -ra plain <<<${JSON.stringify(line.replaceAll(/([:=])/g, " $1 "))}
COMP_WORDS=("\${plain[@]}")
[[ ${JSON.stringify(line)} == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
compopt() { echo "compopt $*"; }
_kgents kgents
printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: (line: string) => `
kgents completion fish | source
complete -C ${JSON.stringify(line)} | string replace -r '\\t.*' ''`,
};

async function offered(shell: keyof typeof completers, line: string): Promise<string[]> {
  const flags = shell === "bash" ? ["--norc"] : ["--no-config"];
  const options = { environment: { PATH: path } };
  const { stdout, stderr } = await terminal.program(shell, [...flags, "-c", completers[shell](line)], options);
  expect(stderr).toBe("");
  return stdout.split("\n").filter(Boolean).sort();
}

const cases: [line: string, expected: string[]][] = [
  ["kgents st", ["status"]],
  ["kgents co", ["completion"]],
  ["kgents completion ", ["bash", "fish", "zsh"]],
  ["kgents schem", ["schema"]],
  ["kgents schema ", ["failure", "request", "result", "session", "session-results", "session-updates"]],
  ["kgents infra ", ["apply", "crd", "delete", "destroy", "generate", "hook", "init", "status"]],
  ["kgents infra apply --dry-run s", ["server"]],
  ["kgents infra apply ", ["b-gent", "l-gent", "readme"]],
  ["kgents infra generate --all b", ["b-gent"]],
  ["kgents infra init --ki", ["--kind"]],
  ["kgents exec --start", ["--startup-timeout"]],
  ["kgents exec --backend ", ["auto", "kubernetes", "subprocess"]],
  ["kgents exec --lang p", ["python"]],
  ["kgents ps --language j", ["javascript"]],
  ["kgents ps --status ti", ["timed-out"]],
  ["kgents exec --json --js", []],
  ["kgents exec --arg x --ar", ["--arg"]],
  ["kgents exec --code --back", []],
  ["kgents files x ", ["get"]],
  ["kgents nonsense --fo", []],
];

describe("while nothing runs", () => {
  test.each(cases)("bash: %s", async (line, expected) => {
    expect(await offered("bash", line)).toEqual(expected);
  });

  test("names of files are left to the shell", async () => {
    expect(await offered("bash", "kgents exec --file ")).toEqual(["compopt -o default"]);
  });

  test("ids of runs: there are none, and nothing is started", async () => {
    const began = performance.now();
    expect(await offered("bash", "kgents show ")).toEqual([]);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(existsSync(terminal.state)).toBe(false);
  });

  describe.runIf(isPresent("fish"))("fish", () => {
    test.each(cases)("%s", async (line, expected) => {
      expect(await offered("fish", line)).toEqual(expected);
    });
  });

  test.runIf(isPresent("zsh"))("zsh takes its script", async () => {
    const script = "autoload -Uz compinit && compinit -u -D; source <(kgents completion zsh); whence -w _kgents";
    const { stdout } = await terminal.program("zsh", ["-f", "-c", script], { environment: { PATH: path } });
    expect(stdout).toBe("_kgents: function\n");
  });
});

test("what is offered in bash is a word, whatever its characters mean to a shell", async () => {
  const script = `
source <(kgents completion bash)
kgents() { printf '%s\\t%s\\n' '$(touch /tmp/kgents-ran)' one 'a:b' two '; id' three --flag four; }
COMP_WORDS=(kgents show "") COMP_CWORD=2
_kgents kgents
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await terminal.program("bash", ["--norc", "-c", script], { environment: { PATH: path } });
  expect(stdout.trimEnd().split("\n")).toEqual(["\\$\\(touch\\ /tmp/kgents-ran\\)", "a:b", "\\;\\ id", "--flag"]);
});

describe("a program of the directory that one stands in is not run", () => {
  /** A directory with programs that completion might run; each leaves a file if it is run. */
  const trap = () => join(terminal.directory, "trap");
  const mark = () => join(terminal.directory, "ran");
  /** The built program by its own name: it asks for `node` by PATH. */
  const installed = () => join(terminal.directory, "installed");
  const absolute = () => [installed(), dirname(process.execPath), process.env.PATH].join(delimiter);

  beforeAll(async () => {
    for (const name of ["kgents", "node", "env", "sed", "cat", "sh"]) {
      const program = await terminal.file(`trap/${name}`, `#!/bin/sh\necho "$0" >>'${mark()}'\necho trapped\n`);
      await terminal.program("chmod", ["+x", program]);
      for (const name of ["B-gent", "l-gent", "README", "no name"]) await terminal.file(`spec/agents/${name}.md`, "");
    }
    await mkdir(installed());
    await symlink(kgentsEntry, join(installed(), "kgents"));
  });

  const asked: Record<string, (word: string) => string[]> = {
    bash: (word) => [
      "--norc",
      "-c",
      `source "$SCRIPT"; COMP_WORDS=(${word} st) COMP_CWORD=1; _kgents ${word}; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
    zsh: (word) => [
      "-f",
      "-c",
      `compdef() { :; }; _describe() { printf '%s\\n' "\${described[@]%%:*}"; }; source "$SCRIPT"; words=(${word} st) CURRENT=2; _kgents`,
    ],
    fish: (word) => ["--no-config", "-c", `source "$SCRIPT"; complete -C "${word} st" | string replace -r '\\t.*' ''`],
  };

  const paths: [name: string, path: (absolute: string) => string][] = [
    ["begins with a dot", (absolute) => `.:${absolute}`],
    ["begins with an empty name", (absolute) => `:${absolute}`],
    ["has a relative name", (absolute) => `../trap:${absolute}`],
    ["ends with a dot", (absolute) => `${absolute}:.`],
  ];

  async function offers(shell: string, word: string, path: string): Promise<string> {
    await rm(mark(), { force: true });
    const script = await terminal.program(process.execPath, [kgentsEntry, "completion", shell]);
    const options = {
      directory: trap(),
      environment: { PATH: path, SCRIPT: await terminal.file(`script.${shell}`, script.stdout) },
    };
    const found = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, shell));
    const { stdout } = await terminal.program(found.find(existsSync) ?? shell, asked[shell]?.(word) ?? [], options);
    expect(existsSync(mark()), `${shell} has run a program of the directory`).toBe(false);
    return stdout.trim();
  }

  describe.each(["bash", ...["zsh", "fish"].filter(isPresent)])("%s", (shell) => {
    test.each(paths)("where PATH %s", async (_, path) => {
      expect(await offers(shell, "kgents", path(absolute()))).toBe("status");
    });
  });

  test.each(["bash", ...["zsh", "fish"].filter(isPresent)])("%s, where PATH is a dot", async (shell) => {
    expect(await offers(shell, "kgents", ".")).toBe("");
  });

  test.each(["./kgents", "../trap/kgents"])("bash: %s", async (word) => {
    expect(await offers("bash", word, absolute())).toBe("");
  });
});

describe("with runs", () => {
  beforeAll(async () => {
    for (const id of ["over-1", "a:b:c", "a:b:d"]) await terminal.run(["exec", "--id", id, "--code", "print(1)"]);
    await terminal.run([
      "exec",
      "--id",
      "goes-on",
      "--detach",
      "--timeout",
      "700",
      "--lang",
      "sh",
      "--code",
      "sleep 651.5",
    ]);
    // Other clients of the server may choose any workflow id.
    const connection = await Connection.connect({ address: `127.0.0.1:${terminal.port}` });
    const { workflow } = new Client({ connection });
    for (const workflowId of ["over$(touch x)", "over;id", "over\u001b[31m", "-over", "over\nnext"])
      await workflow.start("executeCode", { workflowId, taskQueue: "nobody", args: [{ code: "1" }] });
    await connection.close();
  });
  afterAll(async () => {
    await terminal.run(["cancel", "goes-on"]);
  });

  test.each([
    ["kgents show ov", ["over-1"]],
    ["kgents logs --stderr go", ["goes-on"]],
    ["kgents wait over-1 ", ["goes-on"]],
    ["kgents cancel ", ["goes-on"]],
    // Candidates omit what bash treats as already typed.
    ["kgents show a:b:", ["c", "d"]],
    ["kgents show a:b:c", ["c"]],
  ])("bash: %s", async (line, expected) => {
    // On a loaded machine, the ids may miss the time limit of a single completion.
    await expect.poll(() => offered("bash", line)).toEqual(expected);
  });

  test.runIf(isPresent("fish"))("fish", async () => {
    await expect.poll(() => offered("fish", "kgents show a:")).toEqual(["a:b:c", "a:b:d"]);
  });
});
