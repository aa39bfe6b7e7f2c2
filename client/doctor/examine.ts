import { KgentsError } from "#core/contract/error";
import { isLoopback } from "#core/text/loopback";
import { type LoadedConfiguration, loadConfiguration } from "#platform/host/configuration-file";
import { distrust } from "#platform/host/ownership";
import { kgentsPaths, type Paths } from "#platform/host/paths";
import { resolveTarget } from "#platform/temporal/address";
import { stackStatus } from "../stack/stack-status.ts";
import { checkArtifacts } from "./artifact-checks.ts";
import { checkBackends } from "./backend-checks.ts";
import { type Check, failed, ok } from "./check.ts";
import { checkDirectory, checkNode } from "./machine-checks.ts";
import { checkSearchAttributes, checkTemporal, checkWorkers } from "./temporal-checks.ts";

/** The result of a doctor run. */
export interface Examination {
  /** Whether runs can be carried out: no check has failed. */
  readonly usable: boolean;
  readonly checks: readonly Check[];
}

const checkDirectories = ({ state, cache }: Paths): Promise<Check[]> =>
  Promise.all([checkDirectory("State", state, "XDG_STATE_HOME"), checkDirectory("Cache", cache, "XDG_CACHE_HOME")]);

async function checkAll({ configuration, text }: LoadedConfiguration, paths: Paths): Promise<Check[]> {
  const { taskQueue } = configuration.worker;
  const status = await stackStatus({
    paths,
    configurationText: text,
    taskQueue,
    retentionMilliseconds: configuration.retention,
  });
  const target = { ...resolveTarget(process.env, {}), address: status.temporal.address };
  const isLocal = isLoopback(target.address);
  const { running } = status.temporal;
  const [search, directories, artifacts, backends] = await Promise.all([
    running ? checkSearchAttributes(target) : undefined,
    checkDirectories(paths),
    checkArtifacts(configuration.artifacts),
    // With a remote server, runs are executed on other machines, so this one's backends do not matter.
    isLocal
      ? checkBackends(configuration)
      : [ok("Backends", "run on the workers' machines: run `kgents doctor` there")],
  ]);
  return [
    checkTemporal(status, target.origin),
    checkWorkers(status, taskQueue, isLocal),
    ...(search ? [search] : []),
    ...backends,
    ...directories,
    ...(artifacts ? [artifacts] : []),
  ];
}

/** Checks everything that a run needs. Starts and changes nothing. */
export async function examine(configurationFile: string | undefined): Promise<Examination> {
  const checks = [checkNode()];
  try {
    const loaded = await loadConfiguration({ path: configurationFile });
    const files = [loaded.path ?? "built-in defaults", ...(loaded.projectPath === null ? [] : [loaded.projectPath])];
    checks.push(ok("Settings", files.join(", and ")));
    const paths = kgentsPaths();
    // The other checks read the state directory, so skip them if others could have written to it.
    const isForeign = [paths.state, paths.cache].some((directory) => distrust(directory) !== undefined);
    checks.push(...(await (isForeign ? checkDirectories(paths) : checkAll(loaded, paths))));
  } catch (error) {
    if (!(error instanceof KgentsError) || error.code !== "invalid-configuration") throw error;
    checks.push(failed("Settings", error.message, error.remedy));
  }
  return { usable: checks.every(({ status }) => status !== "failed"), checks };
}
