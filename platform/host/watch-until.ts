import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * Looks again whenever a file comes, changes or goes, until `check` finds something. Its directory must be there.
 *
 * What makes no file event (the death of a process) is noticed by looking every `fallbackMilliseconds` as well.
 *
 * @returns what `check` found; undefined when the time is up
 */
export async function watchUntil<T>(
  path: string,
  check: () => Promise<T | undefined>,
  limits: { readonly timeoutMilliseconds: number; readonly fallbackMilliseconds?: number },
): Promise<T | undefined> {
  const deadline = performance.now() + limits.timeoutMilliseconds;
  let wake = (): void => {};
  const watcher = openWatcher(path, () => wake());
  try {
    for (;;) {
      // Armed before looking: a change while we look must not be slept through.
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const found = await check();
      if (found !== undefined) return found;
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      const timer = setTimeout(wake, Math.min(left, limits.fallbackMilliseconds ?? 200));
      await changed;
      clearTimeout(timer);
    }
  } finally {
    watcher?.close();
  }
}

/** A watcher may be refused (the limit on inotify instances is small); looking at intervals does without it. */
function openWatcher(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    // The directory, because the file may not be there yet, and because a file that is replaced is another file.
    const watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) onChange();
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
