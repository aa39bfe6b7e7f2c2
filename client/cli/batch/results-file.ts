/**
 * Destination for the results of a batch. An existing file is not emptied before the batch is accepted.
 *
 * @module
 */

import { constants, fstatSync, type Stats } from "node:fs";
import { type FileHandle, lstat, open, rm } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "#platform/host/error-code";
import { faultOf } from "../../sdk/input-files/fault.ts";

const field = "--results";

/** A destination for results. */
export interface ResultsFile {
  /** Empties the file. Called once the batch is accepted. */
  readonly begin: () => Promise<void>;
  /** Appends text. @throws KgentsError if it cannot be written */
  readonly write: (text: string) => Promise<void>;
  /** Closes the file. Removes it again if it was created here and `begin` was never called. */
  readonly close: () => Promise<void>;
}

/** Whether two open files are the same file, whatever path or link they were opened by. */
const isSame = (one: Stats, other: Stats): boolean =>
  one.isFile() && other.isFile() && one.dev === other.dev && one.ino === other.ino;

/**
 * Refuses a results file that is also the file of the requests.
 *
 * @param requests the file descriptor of the requests
 * @param results the status of the destination for results
 */
export function refuseSameFile(requests: number, results: Stats, place: string): void {
  if (!isSame(fstatSync(requests), results)) return;
  throw new KgentsError("invalid-request", `${place}: this is the file of the requests; allowed is another file`, {
    field: place,
    remedy: "Name another file for the results.",
  });
}

const systemFault = (error: unknown, path: string): KgentsError => {
  const what = messageOf(error);
  return new KgentsError("system-error", `${field}: ${path} cannot be written: ${what}`, { cause: error, field });
};

/**
 * Opens a file for results. Its content is kept until {@link ResultsFile.begin}.
 *
 * @throws KgentsError `invalid-request` if it cannot be opened for writing
 */
export async function openResultsFile(path: string): Promise<ResultsFile & { readonly stats: Stats }> {
  const isNew = await lstat(path).then(
    () => false,
    (error) => errorCode(error) === "ENOENT",
  );
  let file: FileHandle;
  try {
    file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o666);
  } catch (error) {
    if (errorCode(error) !== "EACCES") throw faultOf(error, path, field);
    throw new KgentsError("invalid-request", `${field}: ${path}: this user may not write it`, { field });
  }
  const stats = await file.stat();
  let begun = false;
  const guarded = <Value>(action: Promise<Value>): Promise<Value> =>
    action.catch((error) => {
      throw systemFault(error, path);
    });
  return {
    stats,
    begin: async () => {
      begun = true;
      // Pipes and devices cannot be truncated.
      if (stats.isFile()) await guarded(file.truncate(0));
    },
    write: async (text) => {
      await guarded(file.appendFile(text));
    },
    close: async () => {
      await guarded(file.close());
      if (isNew && !begun) await rm(path, { force: true });
    },
  };
}
