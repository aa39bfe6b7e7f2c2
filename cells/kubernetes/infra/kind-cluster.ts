import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { lookForProgram } from "#platform/host/find-program";
import { absolutePaths, networkNames, programEnvironment } from "#platform/host/program-environment";
import { outputOf } from "#platform/host/run-program";

const clusterName = "kgents";

/** The context that kind writes to the kubeconfig. */
const context = `kind-${clusterName}`;

/** Environment variables that kind needs to reach its container engine and to write its kubeconfig. */
const kindNames = ["KUBECONFIG", "KIND_*", "DOCKER_*", "CONTAINER_*", "XDG_RUNTIME_DIR", ...networkNames];

/** Long enough to pull kind's node image. */
const createMilliseconds = 600_000;
/** kind asks Docker for its containers. */
const listMilliseconds = 60_000;

/**
 * Creates a local cluster with kind, unless it exists.
 *
 * @returns its context in the kubeconfig
 * @throws KgentsError `tool-unavailable` if kind is missing or fails, with kind's own message
 */
export async function ensureKindCluster(progress: (line: string) => void, signal: AbortSignal): Promise<string> {
  const { path: kind, refused } = await lookForProgram("kind");
  if (kind === undefined) {
    const words = ["--kind needs the program kind, which is not on PATH", ...refused];
    throw new KgentsError("tool-unavailable", words.join("; "), {
      remedy: "Install Docker and kind (https://kind.sigs.k8s.io), or name a cluster with --context.",
    });
  }
  const given = await programEnvironment(process.env, kindNames);
  const environment = given.KUBECONFIG ? { ...given, KUBECONFIG: absolutePaths(given.KUBECONFIG) } : given;
  const run = (args: readonly string[], timeoutMilliseconds: number): Promise<string> =>
    outputOf(kind, args, { environment, signal, timeoutMilliseconds, ownGroup: true });
  try {
    const stdout = await run(["get", "clusters"], listMilliseconds);
    if (stdout.split("\n").includes(clusterName)) return context;
    progress(`creating the kind cluster ${clusterName} (some minutes the first time) ...`);
    await run(["create", "cluster", "--name", clusterName, "--wait", "120s"], createMilliseconds);
    return context;
  } catch (error) {
    signal.throwIfAborted();
    const said = messageOf(error);
    throw new KgentsError("tool-unavailable", `kind could not make a cluster: ${said}`, {
      cause: error,
      remedy: "Check that Docker runs (`docker info`), and try `kind create cluster` by itself.",
    });
  }
}
