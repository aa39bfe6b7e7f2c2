/**
 * The real Temporal UI in headless Chromium, for the tests of what it shows and for the documentation's pictures.
 *
 * @module
 */
import { type Locator, type Page, chromium as playwright } from "playwright-core";
import { findProgram } from "../../activities/backends/subprocess/find-program.ts";
import { uiLink } from "../../client/stack/ui-link.ts";

/** A run, as pages are addressed. */
export interface RunOnPage {
  readonly id: string;
  readonly runId: string;
}

/** The UI of one server. */
export interface TemporalUi extends AsyncDisposable {
  readonly page: Page;
  /** Opens the page that `kgents open` leads to, and gives what is told on it once that has come. */
  readonly openStory: (run: RunOnPage) => Promise<Story>;
  /** Opens the timeline of a run. */
  readonly openTimeline: (run: RunOnPage) => Promise<void>;
  /** Opens the list of the runs that a query finds. */
  readonly openList: (query: string) => Promise<void>;
}

/** What is told of a run on its page: each a document of its own. */
export interface Story {
  readonly summary: Locator;
  readonly details: Locator;
  readonly current: Locator;
}

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];

/** The path of the Chromium or Chrome that is on PATH; undefined where there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of names) {
    const path = await findProgram(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

/**
 * Opens the UI of a server.
 *
 * @param address of the UI, such as `http://127.0.0.1:8233`
 * @throws Error where no Chromium is on PATH
 */
export async function openTemporalUi(
  address: string,
  viewport: { readonly width: number; readonly height: number } = { width: 1400, height: 1000 },
): Promise<TemporalUi> {
  const executablePath = await findChromium();
  if (executablePath === undefined) {
    throw new Error(`none of ${names.join(", ")} is on PATH; install one, on Debian: apt-get install chromium`);
  }
  const { hostname } = new URL(address);
  // The UI asks for news elsewhere; it does without. (Routes would do the same and turn the cache off.)
  const nowhereElse = `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`;
  const browser = await playwright.launch({ executablePath, args: [nowhereElse, "--force-color-profile=srgb"] });
  const context = await browser.newContext({ viewport, timezoneId: "UTC", locale: "en-US" });
  const page = await context.newPage();
  const written = (name: string): Locator => page.frameLocator(`#user-metadata-${name}`).locator("main");
  return {
    page,
    openStory: async (run) => {
      await page.goto(uiLink(address, "default", run));
      const story = { summary: written("summary"), details: written("details"), current: written("current-details") };
      await story.current.getByText("Phase").first().waitFor();
      return story;
    },
    openTimeline: async (run) => {
      await page.goto(uiLink(address, "default", run).replace(/[^/]+$/, "timeline"));
      await page.getByRole("heading", { name: "Timeline" }).waitFor();
    },
    openList: async (query) => {
      await page.goto(uiLink(address, "default").replace(/query=.*$/, `query=${encodeURIComponent(query)}`));
      await page.getByRole("table").waitFor();
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
