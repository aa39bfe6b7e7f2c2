/** Output files that are no files, or not to be trusted: isolation.md 5. None comes back, and the good one does. */
import { expect } from "vitest";
import type { ExecutionRequest } from "../../core/request.ts";
import type { RunAnswer } from "./run-on-backend.ts";

export interface OutputAttack {
  readonly name: string;
  /** Makes something called `bad`, in shell. */
  readonly code: string;
  /** The image that has what it needs, where that is not the language's. */
  readonly image?: string;
  /** Whether it must be listed as omitted. */
  readonly omitted?: boolean;
}

export const outputAttacks: readonly OutputAttack[] = [
  { name: "a link to /etc/passwd", code: "ln -s /etc/passwd bad" },
  { name: "a link to /dev/urandom", code: "ln -s /dev/urandom bad" },
  { name: "a FIFO", code: "mkfifo bad" },
  {
    name: "a socket",
    code: "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('bad')\"",
    image: "python:3.13-slim",
  },
  { name: "a hard link", code: "echo x >other; ln other bad" },
  { name: "a hard link to the system", code: "ln /bin/sh bad; ln /usr/bin/env bad", omitted: false },
  {
    name: "a directory that is a link",
    code: "mkdir -p in; ln -s /etc in/dir; touch in/dir/passwd; ln -s /etc bad",
    omitted: true,
  },
  {
    name: "a path 1,000 deep",
    code: "i=0; while [ $i -lt 1000 ]; do mkdir bad && cd bad || break; i=$((i+1)); done; echo x >leaf",
  },
  { name: "a name that is not UTF-8", code: "printf x >\"$(printf 'bad\\377')\"" },
  { name: "a name with a newline", code: "printf x >\"$(printf 'bad\\nname')\"" },
  { name: "a name with a backslash", code: "printf x >'bad\\name'" },
  { name: "a name like an option", code: "printf x >./--checkpoint-action=exec=bad; printf x >-bad" },
];

export const attackRequest = ({ code, image }: OutputAttack): ExecutionRequest => ({
  code: `${code}\ncd /work; echo good >good.txt`,
  language: "sh",
  ...(image !== undefined && { image }),
  cpu: 1,
  outputs: ["bad*", "**/bad*", "good.txt"],
});

export function checkAttack({ outcome, files }: RunAnswer, { omitted }: OutputAttack): void {
  expect(Object.keys(files).filter((name) => name !== "good.txt" && !name.startsWith("-"))).toEqual([]);
  expect(files["good.txt"]?.toString()).toBe("good\n");
  if (omitted === true) expect(outcome?.filesOmitted.length).toBeGreaterThan(0);
}
