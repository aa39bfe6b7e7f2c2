import type { Place } from "./yaml-place.ts";

/** A mistake in a file that describes Agents, and its place. */
export interface SpecMistake extends Place {
  /** The path as it was named. */
  readonly file: string;
  /** The field as the file writes it, such as `networkPolicy.allowedPeers.0`; empty if the mistake concerns none. */
  readonly field: string;
  /** What is wrong and what is allowed, without the field's name. */
  readonly message: string;
}

/** One line: `spec/agents/b-gent.md:7:12: replicas: got 11; allowed is a whole number from 0 to 10`. */
export const mistakeInWords = ({ file, line, column, field, message }: SpecMistake): string =>
  `${file}:${line}:${column}: ${field === "" ? "" : `${field}: `}${message}`;

/** Orders mistakes of one file by their place. */
export const byPlace = (left: SpecMistake, right: SpecMistake): number =>
  left.line - right.line || left.column - right.column;
