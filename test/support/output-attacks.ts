/** Output files that are not regular files or cannot be trusted: isolation.md 5. None is returned; the good file is. */
import { expect } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import type { RunAnswer } from "./run-on-provider.ts";

export interface OutputAttack {
  readonly name: string;
  /** Creates something named `bad`, in shell. */
  readonly code: string;
  /** The image, if the language's lacks what the attack needs. */
  readonly image?: string;
  /** Other fields of the request. */
  readonly request?: Partial<ExecutionRequest>;
  /** A part of the reason for which it must be listed as omitted. @default it need not be listed */
  readonly omitted?: string;
  /** What may still be returned, by its name and text. @default nothing */
  readonly harmless?: (name: string, text: string) => boolean;
  /** Files that must be returned, each with its text. */
  readonly comes?: Readonly<Record<string, string>>;
  /** Whether the good file may be missing. @default false */
  readonly withoutGood?: true;
}

const notPlain = "not a plain file, or one with several links";
const badName = "its name is too long or not plain";
/** Repeats an action in a session of its own, even after the code has ended if nothing stops it. */
const allTheTime = (what: string): string => `(setsid sh -c 'while :; do ${what}; done' &) ; sleep 0.3`;

export const outputAttacks: readonly OutputAttack[] = [
  { name: "a link to /etc/passwd", code: "ln -s /etc/passwd bad", omitted: notPlain },
  { name: "a link to /dev/urandom", code: "ln -s /dev/urandom bad", omitted: notPlain },
  { name: "a link out of the work directory", code: "ln -s ../../../etc/passwd bad", omitted: notPlain },
  { name: "a FIFO", code: "mkfifo bad", omitted: notPlain },
  { name: "a device", code: "mknod bad c 1 5 2>/dev/null && echo made" },
  {
    name: "a socket",
    code: "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('bad')\"",
    image: "python:3.13-slim",
    omitted: notPlain,
  },
  { name: "a hard link", code: "echo x >other; ln other bad", omitted: notPlain },
  { name: "a hard link to the system", code: "ln /bin/sh bad; ln /usr/bin/env bad" },
  {
    name: "a directory that is a link",
    code: "mkdir -p in; ln -s /etc in/dir; touch in/dir/passwd; ln -s /etc bad",
    omitted: notPlain,
  },
  {
    name: "a path 1,000 deep",
    code: "i=0; while [ $i -lt 1000 ]; do mkdir bad && cd bad || break; i=$((i+1)); done; echo x >bad",
    omitted: badName,
  },
  { name: "a name that is not UTF-8", code: "printf x >\"$(printf 'bad\\377')\"", omitted: badName },
  { name: "a name with a newline", code: "printf x >\"$(printf 'bad\\nname')\"", omitted: badName },
  { name: "a name with an escape", code: "printf x >\"$(printf 'bad\\033[31m')\"", omitted: badName },
  { name: "a name with a backslash", code: "printf x >'bad\\name'", omitted: badName },
  {
    name: "a name like an option",
    code: "printf x >./--checkpoint-action=exec=bad; printf x >-bad",
    harmless: (name, text) => name.startsWith("-") && text === "x",
  },
  {
    name: "folders and files of mode 0",
    code: "mkdir -p in/deep/er; echo a >in/bad1; echo b >in/deep/er/bad2; chmod 0 in/bad1 in/deep/er/bad2 in/deep/er in/deep in",
    comes: { "in/bad1": "a\n", "in/deep/er/bad2": "b\n" },
  },
  {
    name: "globs whose braces multiply out",
    code: "seq 2000 | sed s/^/bad/ | xargs touch",
    request: { outputs: ["good.txt", `${"{b,a}{a,d}{d,x}".repeat(16)}c*`, `${"*{a,b}".repeat(40)}c`] },
  },
  { name: "a name in other letters", code: "echo x >BAD" },
  {
    name: "a file that is swapped for a link all the time",
    code: allTheTime("rm -f bad; ln -s /etc/passwd bad; rm -f bad; echo mine >bad"),
    harmless: (_name, text) => ["mine\n", ""].includes(text),
  },
  {
    name: "a file that grows all the time",
    code: allTheTime("echo x >>bad"),
    harmless: (_name, text) => /^(x\n)*x?$/.test(text),
  },
  {
    name: "sparse files, larger together than the disk",
    code: "for i in $(seq 50); do truncate -s 8M bad$i; done",
    request: { disk: "8Mi" },
    omitted: "more than the disk limit",
    harmless: (_name, text) => text.length === 8 * 2 ** 20 && !/[^\0]/.test(text),
    withoutGood: true,
  },
  {
    name: "sparse files without end",
    code: "seq 3000 | sed s/^/bad/ | xargs truncate -s 50M",
    request: { disk: "50Mi", timeout: 60 },
    omitted: "all after that was left out",
    harmless: (_name, text) => text.length === 50 * 2 ** 20,
    withoutGood: true,
  },
];

export const attackRequest = ({ code, image, request }: OutputAttack): ExecutionRequest => ({
  code: `${code}\ncd /work; echo good >good.txt`,
  language: "sh",
  ...(image !== undefined && { image }),
  cpu: 1,
  outputs: ["bad*", "**/bad*", "-*", "good.txt"],
  ...request,
});

/** Maximum duration of collecting, in milliseconds: no attack may keep a worker busy. */
const patience = 60_000;

export function checkAttack(answer: RunAnswer, { omitted, harmless, comes = {}, withoutGood }: OutputAttack): void {
  const { error, outcome, files, milliseconds } = answer;
  expect({ error, exit: outcome?.exit, lost: outcome?.lost }).toEqual({
    error: null,
    exit: { code: 0, signal: null },
    lost: null,
  });
  const { "good.txt": good, ...others } = files;
  if (withoutGood !== true) expect(good?.toString()).toBe("good\n");
  const texts = Object.entries(others).map(([name, content]) => [name, content.toString()] as const);
  expect(Object.fromEntries(texts)).toMatchObject(comes);
  const harmful = texts.filter(([name, text]) => comes[name] !== text && !harmless?.(name, text));
  expect(harmful.map(([name]) => name)).toEqual([]);
  if (omitted !== undefined) {
    expect(outcome?.filesOmitted.map(({ reason }) => reason)).toContainEqual(expect.stringContaining(omitted));
  }
  expect(milliseconds).toBeLessThan(patience);
}
