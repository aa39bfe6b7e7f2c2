import { isPlainName, relativeName } from "./cell-values.ts";
import type { CollectionEnd } from "./collection-end.ts";
import type { ControlReader } from "./control-reader.ts";
import type { Omissions } from "./omissions.ts";
import { notPlainName } from "./output-plan.ts";
import { Refused } from "./tar-bounds.ts";

/** How many announced files are remembered by name; beyond that they are only counted. */
const rememberedNames = 10_000;

const longestWord = 65_536;

/** The input of {@link receiveLists}. */
export interface ListReception {
  readonly control: ControlReader;
  readonly end: CollectionEnd;
  readonly omissions: Omissions;
  /** Whether a file was requested. */
  readonly isWanted: (name: string) => Promise<boolean>;
  /** Called with the number of bytes of each name; may throw. */
  readonly count: (bytes: number) => void;
}

/** Reads the next name of a list; undefined at its end. */
async function nextName({ control, end, count }: ListReception): Promise<string | undefined> {
  const word = await end.untilEnd(control.until(0, longestWord));
  if (word === undefined) throw new Refused("the list of files broke off");
  count(word.length + 1);
  await end.yieldIfDue();
  return word === "" ? undefined : relativeName(word);
}

/** The requested names of one list. */
async function* wantedNames(from: ListReception): AsyncGenerator<string> {
  for (let name = await nextName(from); name !== undefined; name = await nextName(from)) {
    if (await from.isWanted(name)) yield name;
  }
}

/**
 * Receives the lists that come before the archive.
 *
 * @returns the names of the files that the cell will send
 */
export async function receiveLists(from: ListReception): Promise<Set<string>> {
  const { control, end, omissions } = from;
  for await (const name of wantedNames(from)) {
    omissions.add(name, isPlainName(name) ? "not a plain file, or one with several links" : notPlainName);
  }
  const expected = new Set<string>();
  let more = 0;
  for await (const name of wantedNames(from)) {
    if (expected.size < rememberedNames) expected.add(name);
    else more += 1;
  }
  if (more > 0) omissions.remark(`beyond ${rememberedNames} files it is not known which could not be read`);
  const status = await end.untilEnd(control.until(0, longestWord));
  if (status !== "0") omissions.remark("not all folders could be searched for files");
  return expected;
}
