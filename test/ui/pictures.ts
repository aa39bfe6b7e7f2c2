/**
 * The screenshots of docs/ui.md: pages that the tests have checked, written to the folder that `KGENTS_PICTURES` names
 * (`npm run docs:screenshots`).
 *
 * @module
 */
import { join } from "node:path";
import type { Page } from "playwright-core";

/** How large a page is, in pixels. */
export const viewport = { width: 1400, height: 1000 } as const;

/** The pages that the documentation shows, with the height of each in pixels from the top. */
const heights: Readonly<Record<string, number>> = {
  "subprocess-list": 460,
  "subprocess-succeeded": 800,
  "subprocess-succeeded-timeline": 840,
  "subprocess-failed": 560,
  "subprocess-timed-out": 560,
  "subprocess-cancelled": 560,
  "subprocess-refused": 640,
  "kubernetes-running": 800,
  "kubernetes-fallen-back": 600,
  "agent-rollout": 720,
};

/** The page without its navigation, which is the same on all pages. */
const beside = { x: 256, y: 64, width: viewport.width - 256 } as const;

/** Saves a screenshot of a page, if the documentation shows it and screenshots are requested. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.KGENTS_PICTURES;
  const height = heights[name];
  if (!folder || height === undefined) return;
  await page.screenshot({ path: join(folder, `${name}.png`), clip: { ...beside, height } });
}
