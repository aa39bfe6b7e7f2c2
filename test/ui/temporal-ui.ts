/**
 * The real Temporal UI in headless Chromium.
 *
 * @module
 */
import { type Locator, type Page, chromium as playwright, type Response } from "playwright-core";
import { uiLink } from "#client/stack/ui-link";
import { searchAttributes } from "#core/contract/names";
import { requireChromium } from "../support/chromium.ts";
import { viewport } from "./pictures.ts";

/** The ids that a run's pages are addressed by. */
export interface RunOnPage {
  readonly id: string;
  readonly runId: string;
}

/** The UI of one server. */
export interface TemporalUi extends AsyncDisposable {
  readonly page: Page;
  /**
   * Opens the page that `kgents open` leads to, and returns its content once it has loaded.
   *
   * @param word in the current details. @default Phase
   */
  readonly openStory: (run: RunOnPage, word?: string) => Promise<Story>;
  /** Opens the timeline of a run. */
  readonly openTimeline: (run: RunOnPage) => Promise<void>;
  /** Opens the list of runs for a query, with search attributes as columns. */
  readonly openList: (query: string) => Promise<void>;
}

/** The content of a run's page: each part is a separate document. */
export interface Story {
  readonly summary: Locator;
  readonly details: Locator;
  readonly current: Locator;
}

const columns = ["Status", "Workflow ID", searchAttributes.status, searchAttributes.language, searchAttributes.backend];

/**
 * Opens the page of a run and waits for its content. The UI queries a worker for it once; after a failure, it tells the
 * user to press R.
 */
async function openTold(page: Page, address: string, told: Locator): Promise<void> {
  const refused: string[] = [];
  const listen = (response: Response): void => {
    if (!response.ok()) refused.push(`${response.status()} ${response.url()}`);
  };
  page.on("response", listen);
  try {
    await page.goto(address);
    for (let asked = 1; ; asked += 1) {
      try {
        return await told.waitFor({ timeout: 10_000 });
      } catch (cause) {
        const why = refused.length > 0 ? `refused were ${refused.join(", ")}` : "nothing was refused";
        if (asked === 4) throw new Error(`nothing is told on ${address}; ${why}`, { cause });
        await page.keyboard.press("r");
      }
    }
  } finally {
    page.off("response", listen);
  }
}

/**
 * Opens the UI of a server.
 *
 * @param address the UI's address, such as `http://127.0.0.1:8233`
 * @throws Error if Chromium is not on PATH
 */
export async function openTemporalUi(address: string): Promise<TemporalUi> {
  const executablePath = await requireChromium();
  const { hostname } = new URL(address);
  // The UI checks for updates on another host, which is not needed. (Routes would also prevent that, but disable the
  // cache.)
  const nowhereElse = `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`;
  const browser = await playwright.launch({ executablePath, args: [nowhereElse, "--disable-lcd-text"] });
  const context = await browser.newContext({ viewport, timezoneId: "UTC", locale: "en-US" });
  await context.addInitScript(([key, value]) => localStorage.setItem(key, value), [
    "namespace-workflow-table-columns",
    JSON.stringify({ default: columns.map((label) => ({ label })) }),
  ] as const);
  const page = await context.newPage();
  const written = (name: string): Locator => page.frameLocator(`#user-metadata-${name}`).locator("main");
  return {
    page,
    openStory: async (run, word = "Phase") => {
      const story = { summary: written("summary"), details: written("details"), current: written("current-details") };
      await openTold(page, uiLink(address, "default", run), story.current.getByText(word).first());
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
