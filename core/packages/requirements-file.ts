/**
 * Files of requirements, as pip reads them, as far as they name packages of the index.
 *
 * @module
 */
import { pythonPackageOf, pythonRule } from "./python-requirement.ts";

/** A line that is not accepted. */
export interface RequirementsFault {
  /** The number of the line, from 1. */
  readonly line: number;
  readonly got: string;
  readonly allowed: string;
}

/** What a line names: comments begin at its start or after a blank. */
const withoutComment = (line: string): string => line.replace(/(?:^|[ \t])#.*$/, "").trim();

/** Hashes that a line gives for its package. kgents makes a lock of its own. */
const withoutHashes = (line: string): string => line.replaceAll(/[ \t]--hash=\S+/g, "").trim();

/**
 * Reads a file of requirements: one on each line, with comments, continued lines and `--hash` options, which are left
 * out. Other options, addresses and paths are faults.
 */
export function readRequirements(text: string): string[] | RequirementsFault {
  const requirements: string[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = index + 1;
    let whole = lines[index] ?? "";
    while (whole.endsWith("\\") && index + 1 < lines.length) {
      index += 1;
      whole = `${whole.slice(0, -1)} ${(lines[index] ?? "").trim()}`;
    }
    const requirement = withoutHashes(withoutComment(whole));
    if (requirement === "") continue;
    if (pythonPackageOf(requirement) === undefined) {
      return { line, got: JSON.stringify(requirement.slice(0, 100)), allowed: pythonRule };
    }
    requirements.push(requirement);
  }
  return requirements;
}
