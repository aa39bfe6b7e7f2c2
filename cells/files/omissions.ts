import { printableName } from "./cell-values.ts";

/** An output file that was not collected, with the reason. */
export interface OmittedFile {
  /**
   * The file's name, or a glob that matches no file; `...` for a remark about the collection, and empty for a count of
   * files.
   */
  readonly name: string;
  readonly reason: string;
}

/** How many files are named; the rest are only counted. */
const namedFiles = 100;

/** A bounded list of omitted files. */
export interface Omissions {
  readonly add: (name: string, reason: string) => void;
  /** Adds a remark about the collection as a whole. */
  readonly remark: (reason: string) => void;
  /** Adds a glob that matches nothing. All are listed, because a request bounds their number. */
  readonly unused: (glob: string) => void;
  readonly list: () => OmittedFile[];
}

/** Creates an empty list of omitted files. */
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
