import type { ReadingOn } from "../../tools/describe-result.ts";
import { inLine } from "../../tools/quote.ts";

/** Tells a model how to read what a result omits. */
export const readingOn = (id: string): ReadingOn => ({
  stream: ({ stream, offset }) => `Continue with read_output: id ${inLine(id)}, source "${stream}", offset ${offset}.`,
  file: (name) => `read it with read_output: id ${inLine(id)}, file ${inLine(name, 300)}`,
});
