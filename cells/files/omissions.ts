import { printableName } from "./cell-values.ts";

/** An output file that does not come back, and why. */
export interface OmittedFile {
  /** Its name, or the glob that stands for no file; `...` for a sentence about the collection, and empty for a number of files. */
  readonly name: string;
  readonly reason: string;
}

/** So many files are named; the others are counted. */
const namedFiles = 100;

/** Keeps what is left out, within bounds. */
export interface Omissions {
  readonly add: (name: string, reason: string) => void;
  /** Says something about the collection as a whole. */
  readonly remark: (reason: string) => void;
  /** Says of a glob that it stands for nothing. They are as many as a request has at most, and all are named. */
  readonly unused: (glob: string) => void;
  readonly list: () => OmittedFile[];
}

/** Begins a list of what is left out. */
export function createOmissions(): Omissions {
  const files: OmittedFile[] = [];
  const others: OmittedFile[] = [];
  let more = 0;
  return {
    add: (name, reason) => {
      if (files.length < namedFiles) files.push({ name: printableName(name), reason });
      else more += 1;
    },
    remark: (reason) => void others.push({ name: "...", reason }),
    unused: (glob) => void others.push({ name: glob, reason: "no file matches" }),
    list: () => [
      ...files,
      ...(more > 0 ? [{ name: "", reason: `${more} more ${more === 1 ? "file was" : "files were"} left out` }] : []),
      ...others,
    ],
  };
}
