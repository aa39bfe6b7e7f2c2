/**
 * Ends a background worker that is no longer needed. It has no terminal, so it must detect this itself.
 *
 * @module
 */
import { refuseForeignListener } from "#platform/host/listener-owner";
import type { Logger } from "#platform/host/logger";
import { readWorkerIdentity, type WorkerFiles } from "#platform/host/worker-files";

/** The files and the address to check. */
export interface WatchedIdentity {
  readonly files: WorkerFiles;
  /**
   * Temporal's address if it is the default one; undefined if it was configured, because then the user trusts the
   * server.
   */
  readonly ownServer: string | undefined;
}

/** The interval between checks, in milliseconds. A check reads one small file and two tables of the kernel. */
const lookMilliseconds = 2000;
/** How many checks in a row must fail. A single read can fail when too many files are open. */
const looksWithoutFile = 2;

/**
 * Checks for reasons to end. The file by which commands find this worker is gone or names another worker. Or another
 * user's server listens at our port, because our server may have ended.
 *
 * @param end called once, with the reason in words
 */
export function watchIdentity({ files, ownServer }: WatchedIdentity, end: (reason: string) => void): void {
  let forgotten = 0;
  const look = async (): Promise<string | undefined> => {
    const isKnown = (await readWorkerIdentity(files))?.pid === process.pid;
    forgotten = isKnown ? 0 : forgotten + 1;
    if (forgotten >= looksWithoutFile) return `${files.identity} was removed or names another worker`;
    if (ownServer === undefined) return undefined;
    return refuseForeignListener(ownServer).then(
      () => undefined,
      (error: Error) => error.message,
    );
  };
  const again = (): void => {
    const timer = setTimeout(async () => {
      const reason = await look();
      if (reason === undefined) again();
      else end(reason);
    }, lookMilliseconds);
    timer.unref();
  };
  again();
}

/** Ends this process as `kgents down` does: running code may end within the drain. */
export const endByItself =
  (log: Logger) =>
  (reason: string): void => {
    log.warn({ reason }, "exiting: no client uses this worker any more");
    process.kill(process.pid, "SIGTERM");
  };
