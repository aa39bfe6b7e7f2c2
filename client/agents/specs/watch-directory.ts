import { watch } from "node:fs";

/** How long a directory must be quiet: editors save in several steps. */
const quietMilliseconds = 200;

/**
 * Yields each time that something in a directory has changed and it has been quiet for 200 ms. The directory is watched,
 * not its files: editors replace a file by a new one of the same name.
 *
 * @throws the system's error if the directory cannot be watched
 */
export async function* quietChanges(directory: string, signal: AbortSignal): AsyncGenerator<void> {
  let isDue = false;
  let failure: unknown;
  let wake = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  const due = (): void => {
    isDue = true;
    wake();
  };
  const watcher = watch(directory, () => {
    clearTimeout(timer);
    timer = setTimeout(due, quietMilliseconds);
  });
  watcher.on("error", (error) => {
    failure = error;
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort);
  try {
    for (;;) {
      while (!isDue && failure === undefined && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      isDue = false;
      yield;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    watcher.close();
  }
}
