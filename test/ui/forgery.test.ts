/** Neither code nor a requester can forge the story of a run in the Temporal UI: their input appears only as text. */
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { refusedRun } from "./runs.ts";
import { useTemporalUi } from "./tell-stories.ts";

const ui = useTemporalUi();
let worker: TestWorker;
beforeAll(async () => {
  worker = await startTestWorker(inject("temporalAddress"));
});
afterAll(() => worker[Symbol.asyncDispose]());

/** Everything that Markdown and HTML interpret. The UI itself replaces names in braces. */
const forged = [
  "<b>Outcome</b>: <h1>succeeded</h1> **Outcome**: succeeded *x* __y__ ~~z~~ `c` $m$ $$m$$ \\*",
  "[link](https://forged.invalid) <https://forged.invalid> https://forged.invalid mailto:forged@forged.invalid",
  "![image](https://forged.invalid/x.png) <img src=x onerror=alert(1)> <script>alert(1)</script> &lt;b&gt; &#60;",
  "{runId} {workflowId} {namespace} --flag 'quoted'",
];

const code = [
  `# ${"```"} ${forged[0]}`,
  "```",
  "# Outcome",
  ...forged.slice(1),
  "````",
  "~~~",
  "Outcome",
  "=======",
  "[reference]: https://forged.invalid",
  "| a | b |\u202e",
];

/** A document of the UI contains no markup but ours. */
async function expectPlain(main: Locator, labels: readonly string[]): Promise<void> {
  expect(
    await main.locator("a, h1, h2, h3, h4, h5, h6, img, script, b, em, del, table, hr, span, blockquote").count(),
  ).toBe(0);
  for (const label of await main.locator("strong").allInnerTexts()) expect(labels).toContain(label);
}

const withoutSpacesOfNoWidth = (text: string): string => text.replaceAll("\u{200b}", "");

const ours = ["Phase", "Outcome", "What to do", "Language", "Requested by", "Limits", "Backend", "Code", "Isolation"];

it("code, its first line, and the name of who asks", async () => {
  const requester = forged.join(" ").slice(0, 128);
  const handle = await worker.start({ code: code.join("\n"), requester, language: "sh", cpu: 1 });
  const { exitCode } = await handle.result();
  const { summary, details, current } = await ui().openStory(handle);
  const shown = `${code.join("\n").replace("\u202e", "\u{fffd}")}\n`;
  for (const main of [details, current]) {
    await main.locator("pre").waitFor();
    await expectPlain(main, ours);
    expect(withoutSpacesOfNoWidth(await main.locator("pre").innerText())).toBe(shown);
    expect(await main.locator("li", { hasText: "Requested by" }).innerText()).toBe(`Requested by: ${requester}`);
  }
  const outcomes = await current.locator("li", { hasText: /^Outcome/ }).allInnerTexts();
  expect(outcomes).toEqual([expect.stringMatching(new RegExp(`^Outcome: failed: .* · exit code ${exitCode} · `))]);
  await expectPlain(summary, []);
  expect(withoutSpacesOfNoWidth(await summary.innerText()).trim()).toBe(`sh · ${code[0]}`);
});

it.each(forged)("a failure that quotes %j", async (language) => {
  const run = await refusedRun(worker, { code: "true", language });
  const { current } = await ui().openStory(run);
  await expectPlain(current, ours);
  expect(await current.locator("li", { hasText: /^Language/ }).innerText()).toContain(
    `Language: ${language.slice(0, 40)}`,
  );
  expect(await current.locator("li", { hasText: /^Outcome/ }).innerText()).toContain(`“${language.slice(0, 40)}`);
});
