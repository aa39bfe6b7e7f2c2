/**
 * What the Temporal UI must show of a run, read from its pages without expanding anything.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { BackendName } from "#core/contract/result";
import type { TestWorker } from "../support/test-worker.ts";
import { picture } from "./pictures.ts";
import { fallenBack, refusedRun, requester, type ToldRun, tellRun, toldRuns } from "./runs.ts";
import { openTemporalUi, type RunOnPage, type TemporalUi } from "./temporal-ui.ts";

/** The UI of the tests' server, for all tests of a file. */
export function useTemporalUi(): () => TemporalUi {
  let ui: TemporalUi | undefined;
  beforeAll(async () => {
    ui = await openTemporalUi(inject("temporalUi"));
  });
  afterAll(() => ui?.[Symbol.asyncDispose]());
  return () => {
    if (!ui) throw new Error("the UI is there only while the tests run");
    return ui;
  };
}

/** The summaries of all activities and timers of a run. No event may lack one. */
async function summariesOf({ client }: TestWorker, { id, runId }: RunOnPage): Promise<string[]> {
  const { events } = await client.workflow.getHandle(id, runId).fetchHistory();
  const steps = (events ?? []).filter(
    (event) => event.activityTaskScheduledEventAttributes ?? event.timerStartedEventAttributes,
  );
  return steps.map(({ eventId, userMetadata }) => {
    const data = userMetadata?.summary?.data;
    if (!data) throw new Error(`event ${eventId} has no summary`);
    return JSON.parse(Buffer.from(data).toString()) as string;
  });
}

/** The timeline names all steps of a run. The UI shortens names of more than 120 characters. */
export async function expectTimeline(ui: TemporalUi, worker: TestWorker, run: RunOnPage): Promise<string[]> {
  const summaries = await summariesOf(worker, run);
  await ui.openTimeline(run);
  for (const summary of summaries) await ui.page.getByText(summary.slice(0, 100)).first().waitFor();
  return summaries;
}

/** The story of a run has these lines, and the code. */
export async function expectStory(
  ui: TemporalUi,
  run: RunOnPage,
  { code, lines }: { readonly code: string; readonly lines: readonly string[] },
): Promise<void> {
  const { current } = await ui.openStory(run);
  const told = (await current.innerText()).split("\n").map((line) => line.trim());
  for (const line of lines) expect(told).toContainEqual(expect.stringContaining(line));
  expect(await current.locator("pre").innerText()).toBe(`${code}\n`);
}

/** What must be shown of each run that a backend carries out. */
export const backendLines: Readonly<Record<BackendName, readonly string[]>> = {
  subprocess: [
    "Backend: subprocess, as the request asks",
    "Isolation: sandbox, bubblewrap",
    "network: own network namespace without a way out",
  ],
  kubernetes: ["Backend: kubernetes, as the request asks", "Isolation: cluster, ", "network: "],
};

/**
 * Registers the tests of the UI's pages for runs on a backend.
 *
 * @param worker serves that backend
 * @param withoutCluster starts a worker whose cluster does not respond
 */
export function tellStories(
  backend: BackendName,
  worker: () => TestWorker,
  withoutCluster: () => Promise<TestWorker>,
): void {
  const ui = useTemporalUi();
  const told = async (at: TestWorker, run: ToldRun, more: readonly string[]): Promise<void> => {
    const handle = await tellRun(at, run);
    const { code } = run.request;
    await expectStory(ui(), handle, { code, lines: [...run.lines, `Requested by: ${requester}`, ...more] });
    await picture(ui().page, `${backend}-${run.name}`);
    const summaries = await expectTimeline(ui(), at, handle);
    expect(summaries.length).toBeGreaterThan(1);
    await picture(ui().page, `${backend}-${run.name}-timeline`);
    if (run.name !== "running") return;
    await handle.cancel();
    await handle.result();
  };

  describe(`the Temporal UI tells of a run on ${backend} that`, () => {
    it.each(toldRuns(backend))("is $name", (run) => told(worker(), run, backendLines[backend]));

    it("has fallen back", async () => {
      await using at = await withoutCluster();
      const [, ...isolation] = backendLines.subprocess;
      const why = ["Backend: subprocess, instead of kubernetes: ", ": connect ECONNREFUSED 127.0.0.1:"];
      await told(at, fallenBack, [...why, ...isolation]);
    });

    it("was refused", async () => {
      const run = await refusedRun(worker(), { code: "x = 1", language: "cobol", backend });
      const said = "language: “cobol” is not supported; known are python";
      await expectStory(ui(), run, {
        code: "x = 1",
        lines: [
          "Phase: done",
          `Outcome: not carried out (unsupported-language): ${said}`,
          "What to do: Use one of the languages listed",
          "Language: cobol",
          "Requested by: (the request does not say)",
          "Backend: not chosen",
          "Isolation: there is no cell",
        ],
      });
      await picture(ui().page, `${backend}-refused`);
      await expectTimeline(ui(), worker(), run);
      // The page that the list of runs links to shows it, too.
      await ui().page.getByText('language: \\"cobol\\" is not supported').first().waitFor();
    });

    it("could not be carried out, and waited between its tries", async () => {
      const code = { artifact: "0".repeat(64), bytes: 3 };
      // Of Python, the first phase would read it, because it may name packages.
      const run = await refusedRun(worker(), { code, language: "sh", backend, requester });
      await expectStory(ui(), run, {
        code: "(code from the artifact store)",
        lines: [
          "Outcome: not carried out (artifact-unavailable): ",
          "What to do: Check that client and worker share the artifact store.",
          ...backendLines[backend],
        ],
      });
      const { searchAttributes } = await worker().client.workflow.getHandle(run.id).describe();
      expect(searchAttributes).toMatchObject({ KgentsStatus: ["error"] });
      const summaries = await expectTimeline(ui(), worker(), run);
      expect(summaries.filter((summary) => summary.startsWith("wait before another try"))).toHaveLength(4);
    });

    it.each([
      ["timed-out", `KgentsStatus = 'timed-out' AND KgentsRequester = '${requester}'`],
      ["failed", `KgentsStatus = 'failed' AND KgentsLanguage = 'sh' AND KgentsBackend = '${backend}'`],
    ])("is looked for by what it is: %s", async (name, query) => {
      const { taskQueue, client } = worker();
      const ours = `TaskQueue = '${taskQueue}' AND ${query}`;
      // The search index is updated a moment after the run.
      await expect.poll(async () => (await client.workflow.count(ours)).count).toBe(1);
      await ui().openList(ours);
      const rows = ui().page.getByRole("row");
      await rows
        .filter({ hasText: name })
        .filter({ hasText: `${name}-${backend}` })
        .waitFor();
      expect(await rows.count()).toBe(2);
    });

    it("stands in the list with what became of it", async () => {
      await ui().openList(`TaskQueue = '${worker().taskQueue}' AND KgentsRequester = '${requester}'`);
      for (const { name } of toldRuns(backend)) {
        const row = ui()
          .page.getByRole("row")
          .filter({ hasText: `${name}-${backend}` });
        await row.filter({ hasText: name === "running" ? "cancelled" : name }).waitFor();
      }
      await picture(ui().page, `${backend}-list`);
    });
  });
}
