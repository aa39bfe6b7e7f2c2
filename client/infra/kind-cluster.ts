import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findProgram } from "../../activities/backends/subprocess/find-program.ts";
import { KgentsError } from "../../core/error.ts";

const run = promisify(execFile);

const clusterName = "kgents";

/** The context of kind's kubeconfig for it. */
const context = `kind-${clusterName}`;

/** Pulling kind's node image is most of it. */
const createMilliseconds = 600_000;

/**
 * Makes a local cluster with kind, unless it is there.
 *
 * @returns the kubeconfig's context for it
 * @throws KgentsError `tool-unavailable` where kind is missing or fails, in its own words
 */
export async function ensureKindCluster(progress: (line: string) => void, signal: AbortSignal): Promise<string> {
  const kind = await findProgram("kind");
  if (kind === undefined) {
    throw new KgentsError("tool-unavailable", "--kind needs the program kind, which is not on PATH", {
      remedy: "Install Docker and kind (https://kind.sigs.k8s.io), or name a cluster with --context.",
    });
  }
  try {
    const { stdout } = await run(kind, ["get", "clusters"], { signal });
    if (stdout.split("\n").includes(clusterName)) return context;
    progress(`creating the kind cluster ${clusterName} (some minutes the first time) ...`);
    await run(kind, ["create", "cluster", "--name", clusterName, "--wait", "120s"], {
      signal,
      timeout: createMilliseconds,
    });
    return context;
  } catch (error) {
    signal.throwIfAborted();
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1);
    throw new KgentsError("tool-unavailable", `kind could not make a cluster: ${said || (error as Error).message}`, {
      cause: error,
      remedy: "Check that Docker runs (`docker info`), and try `kind create cluster` by itself.",
    });
  }
}
