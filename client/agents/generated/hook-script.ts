/**
 * The text of a git hook that checks generated Agents.
 *
 * @module
 */
import { shellQuote } from "#core/text/shell-quote";

const begin = "# >>> kgents: the generated Agents match their specs (`kgents infra hook install`)";
const end = "# <<< kgents";

/** A first line that starts a shell which understands the block. */
const shellLine = /^#!\s*(?:\S*\/env\s+)?(?:\S*\/)?(?:sh|bash|dash|ash|ksh|zsh)(?:\s+-\S+)*\s*$/;

/** The directories that the hook checks, relative to the top of the working tree. */
export interface CheckedDirectories {
  readonly specDirectory: string;
  readonly output: string;
}

const block = ({ specDirectory, output }: CheckedDirectories): string[] => [
  begin,
  "kgents=$(command -v kgents)",
  "if [ -x node_modules/.bin/kgents ]; then kgents=node_modules/.bin/kgents; fi",
  'if [ -z "$kgents" ]; then echo "pre-commit: kgents is neither in node_modules nor on PATH" >&2; exit 1; fi',
  `"$kgents" infra generate --check --staged --spec-dir ${shellQuote(specDirectory)} --output ${shellQuote(output)} || exit 1`,
  end,
];

/** Why a hook is not changed. */
export type HookRefusal = "not-a-shell-script" | "damaged-block";

/**
 * The text of the hook with our block. The block comes first, because a script may end anywhere. A block that is there
 * is replaced; everything else stays.
 *
 * @param existing the hook's text; undefined if there is none
 */
export function withBlock(
  existing: string | undefined,
  directories: CheckedDirectories,
): { readonly text: string } | { readonly refused: HookRefusal } {
  const ours = block(directories);
  if (existing === undefined || existing.trim() === "") return { text: `${["#!/bin/sh", ...ours].join("\n")}\n` };
  const lines = existing.split("\n");
  const [first, last] = [lines.indexOf(begin), lines.indexOf(end)];
  if (first === -1 && last === -1) {
    if (!shellLine.test(lines[0] ?? "")) return { refused: "not-a-shell-script" };
    return { text: [lines[0], ...ours, ...lines.slice(1)].join("\n") };
  }
  if (first === -1 || last < first) return { refused: "damaged-block" };
  return { text: [...lines.slice(0, first), ...ours, ...lines.slice(last + 1)].join("\n") };
}
