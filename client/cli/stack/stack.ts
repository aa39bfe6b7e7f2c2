import type { ProviderStatus } from "#cells/provider";
import type { Isolation } from "#core/contract/result";
import { loadConfiguration } from "#platform/host/configuration-file";
import { packageVersion } from "#platform/host/package-files";
import { kgentsPaths } from "#platform/host/paths";
import { clusterStatus, sandboxStatus } from "../../sdk/backend-status.ts";
import { ensureStack, type Stack, down as stopStack } from "../../stack/stack.ts";
import { type StackStatus, stackStatus } from "../../stack/stack-status.ts";
import { print, printJson } from "../terminal/print.ts";
import { createReporter, reportError } from "../terminal/reporter.ts";
import type { StackFlags } from "./stack-commands.ts";
import { stackOptions } from "./stack-options.ts";

/** What `kgents status --json` prints. */
interface Status extends StackStatus {
  readonly version: string;
  readonly backends: { readonly kubernetes: ProviderStatus; readonly subprocess: ProviderStatus };
}

/** Where the Temporal server comes from. */
function originOf({ managed, configured }: Pick<Stack, "managed" | "configured">): string {
  if (managed) return "started by kgents";
  return configured ? "configured" : "already running";
}

/** `kgents up`. */
export async function up(flags: StackFlags): Promise<number> {
  const reporter = await createReporter(flags.quiet === true);
  try {
    const stack = await ensureStack({ ...(await stackOptions(flags)), progress: reporter.progress });
    reporter.settled();
    const worker = stack.worker === "own" ? "the worker is up too" : "another worker serves the task queue";
    reporter.say(`Temporal is up at ${stack.address} (${originOf(stack)}); ${worker}`);
    if (stack.uiUrl) reporter.say(`Temporal's UI is at ${stack.uiUrl}`);
    return 0;
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: false });
  }
}

/** `kgents down`. */
export async function down(flags: StackFlags): Promise<number> {
  const reporter = await createReporter(flags.quiet === true);
  try {
    // Do not load the configuration: none of it matters here, and a mistake in it must not prevent stopping.
    const { worker, temporal } = await stopStack({ paths: kgentsPaths(), progress: reporter.progress });
    reporter.settled();
    reporter.say(`the worker ${said(worker)}, Temporal ${said(temporal)}; history and output are kept`);
    return 0;
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: false });
  }
}

const said = (what: "was not running" | "stopped" | "killed"): string =>
  what === "killed" ? "did not stop in time and was killed" : what;

/** `kgents status`: exits 0 when runs can be carried out. */
export async function status(flags: StackFlags): Promise<number> {
  try {
    const { configuration } = await loadConfiguration({ path: flags.config });
    const stack = await stackStatus(await stackOptions(flags));
    const report: Status = {
      version: packageVersion,
      ...stack,
      backends: {
        kubernetes: await clusterStatus(configuration),
        subprocess: await sandboxStatus(),
      },
    };
    await (flags.json ? printJson(report, 2) : print(inWords(report)));
    return stack.temporal.running && stack.worker.pollers.length > 0 ? 0 : 1;
  } catch (error) {
    return reportError(error, { json: flags.json === true });
  }
}

function inWords({ version: own, temporal, worker, backends }: Status): string {
  const { pollers } = worker;
  const others =
    pollers.length === 0
      ? `nobody polls the queue ${worker.taskQueue}`
      : `${pollers.length} ${pollers.length === 1 ? "polls" : "poll"} the queue ${worker.taskQueue}`;
  const runs =
    worker.activeRuns === null ? "" : `, ${worker.activeRuns} ${worker.activeRuns === 1 ? "run" : "runs"} now`;
  return [
    `kgents    ${own}`,
    temporal.running
      ? `Temporal  up at ${temporal.address}, namespace ${temporal.namespace}, server ${temporal.version}${temporal.managed ? `, started by kgents (pid ${temporal.pid})` : ""}`
      : `Temporal  not running at ${temporal.address}: ${temporal.reason}`,
    ...(temporal.uiUrl ? [`  UI      ${temporal.uiUrl}`] : []),
    ...(temporal.database ? [`  history ${temporal.database}`] : []),
    worker.running
      ? `Worker    up (pid ${worker.pid})${runs}; ${others}`
      : `Worker    ${pollers.length > 0 ? `none of kgents' own in the background; ${others}` : `not running; ${others}`}`,
    ...(worker.outdated.length > 0 ? [`  to be replaced when idle: ${worker.outdated.join(" and ")} changed`] : []),
    ...(worker.pid === null ? [] : [`  log     ${worker.log}`]),
    ...Object.entries(backends).flatMap(([name, { available, summary, isolation }]) => [
      `Backend   ${name}: ${available ? "available" : "not available"}: ${summary}`,
      ...(isolation ? limitLines(isolation) : []),
    ]),
    ...(temporal.running ? [] : ["Start with `kgents up`, or just run something with `kgents exec`."]),
    "",
  ].join("\n");
}

const limitLines = ({ level: _level, mechanism: _mechanism, ...limits }: Isolation): string[] =>
  Object.entries(limits).map(
    ([name, { enforced, by }]) => `  ${name.padEnd(10)} ${enforced ? "" : "NOT ENFORCED: "}${by}`,
  );
