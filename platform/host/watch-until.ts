import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * Calls `check` whenever a file is created, changed or removed, until it returns a value. The file's directory must
 * exist.
 *
 * It also polls every `fallbackMilliseconds`, for changes without a file event (the death of a process).
 *
 * @returns the value of `check`; undefined at the timeout
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
      // Subscribe before the check, so no change is lost in between.
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

/** Opening a watcher can fail (the limit on inotify instances is small). The polling then suffices. */
function openWatcher(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    // Watch the directory: the file may not exist yet, and replacing it changes its inode.
    const watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) onChange();
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
