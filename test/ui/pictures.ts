/**
 * The pictures of docs/ui.md: pages that the tests have read, kept where `KGENTS_PICTURES` names a folder
 * (`npm run docs:screenshots`).
 *
 * @module
 */
import { join } from "node:path";
import type { Page } from "playwright-core";

/** How large a page is, in pixels. */
export const viewport = { width: 1400, height: 1000 } as const;

/** Those that the documentation shows, and how much of each, in pixels from the top. */
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
};

/** The page without its navigation, which is the same on all. */
const beside = { x: 256, y: 64, width: viewport.width - 256 } as const;

/** Keeps a picture of a page, where it is one of the documentation's and somebody wants them. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.KGENTS_PICTURES;
  const height = heights[name];
  if (!folder || height === undefined) return;
  await page.screenshot({ path: join(folder, `${name}.png`), clip: { ...beside, height } });
}
