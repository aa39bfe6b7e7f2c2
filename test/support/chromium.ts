import { findProgram } from "#platform/host/find-program";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];

/** The path of Chromium or Chrome on PATH; undefined if there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of names) {
    const path = await findProgram(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** Like {@link findChromium}. @throws Error if there is none */
export async function requireChromium(): Promise<string> {
  const path = await findChromium();
  if (path !== undefined) return path;
  throw new Error(`none of ${names.join(", ")} is on PATH; install one, on Debian: apt-get install chromium`);
}
