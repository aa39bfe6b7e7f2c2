import { KgentsError } from "#core/contract/error";

/** The error for a task queue without workers, or with only such versions of a deployment that get no new runs. */
export function noWorker(taskQueue: string, address: string, passiveVersions: readonly string[]): KgentsError {
  const where = `the task queue ${taskQueue} at ${address}`;
  if (passiveVersions.length === 0) return new KgentsError("no-worker", `no worker polls ${where}`);
  return new KgentsError(
    "no-worker",
    `no worker takes new runs of ${where}: the workers that poll it have the version ${passiveVersions.join(", ")}, which is not the deployment's current version`,
    {
      remedy: "Make a version that has workers the current version: `temporal worker deployment set-current-version`.",
    },
  );
}
