/**
 * What a background worker looks after beside its work. Nobody sees its terminal, so it ends by itself where it serves nobody any more.
 *
 * @module
 */
import { refuseForeignListener } from "#platform/host/listener-owner";
import { readWorkerIdentity, type WorkerFiles } from "#platform/host/worker-files";
import type { Logger } from "./logging.ts";

/** What is watched. */
export interface WatchedIdentity {
  readonly files: WorkerFiles;
  /** Temporal's address where nobody named it; undefined where a person did, who then trusts whoever runs it. */
  readonly ownServer: string | undefined;
}

/** Between two looks. Each reads one small file and two tables of the kernel. */
const lookMilliseconds = 2000;
/** A file that cannot be read once, because too many are open, is not gone. */
const looksWithoutFile = 2;

/**
 * Watches until there is a reason to end: the file by which commands find this worker is gone or names another worker, or another user's
 * server listens at the port of ours, which may have ended.
 *
 * @param end called once, with the reason in words
 */
export function watchIdentity({ files, ownServer }: WatchedIdentity, end: (reason: string) => void): void {
  let forgotten = 0;
  const look = async (): Promise<string | undefined> => {
    const isKnown = (await readWorkerIdentity(files))?.pid === process.pid;
    forgotten = isKnown ? 0 : forgotten + 1;
    if (forgotten >= looksWithoutFile) return `${files.identity} is gone or names another worker`;
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
    log.warn({ reason }, "ending: this worker serves nobody any more");
    process.kill(process.pid, "SIGTERM");
  };
