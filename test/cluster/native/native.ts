/** A single real node, built from Go modules, for Linux machines without Docker. */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { acquireLock } from "../../../activities/host/process-lock.ts";
import { build } from "./build.ts";
import { findNode, startNode, stopNode } from "./node.ts";
import { installPackages } from "./packages.ts";
import { lockFile, nodeDirectory } from "./paths.ts";
import { run } from "./run.ts";

/** Whoever waits may wait for a cold build. */
const lockMilliseconds = 1_800_000;

const kubeconfig = join(nodeDirectory, "kubeconfig");

/** What this machine lacks for a node of its own; undefined where it lacks nothing. */
async function lacking(): Promise<string | undefined> {
  if (process.platform !== "linux") return "Linux";
  if (process.getuid?.() !== 0) return "root: namespaces, mounts and Debian packages need it";
  const directories = (process.env.PATH ?? "").split(delimiter);
  const found = await Promise.all(
    directories.map((directory) =>
      access(join(directory, "go")).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true) ? undefined : "Go on the PATH: the node's programs are built from Go modules";
}

/**
 * Brings the node up, after building it where that was not done on this machine.
 *
 * @returns whether this call brought it up, and it was not up already
 */
export async function nativeUp(progress: (line: string) => void): Promise<boolean> {
  const missing = await lacking();
  if (missing !== undefined) throw new Error(`a Kubernetes node of the tests' own needs ${missing}`);
  await using _lock = await acquireLock(lockFile, { waitMilliseconds: lockMilliseconds });
  if (await findNode()) return false;
  await installPackages(progress);
  const built = await build(progress);
  progress("starting a Kubernetes node in namespaces of its own (about 15 seconds)");
  await startNode(built);
  return true;
}

/** Takes the node away with all that is in it. */
export async function nativeDown(): Promise<void> {
  await using _lock = await acquireLock(lockFile, { waitMilliseconds: lockMilliseconds });
  await stopNode();
}

/** What the cluster itself says of its node; usable where that is Ready. */
export async function nativeStatus(): Promise<{ usable: boolean; words: string }> {
  const node = await findNode();
  if (!node) return { usable: false, words: "no cluster is up; `npm run cluster:up` starts one" };
  const program = join(node.build.programs, "kube");
  const { code, stdout, stderr } = await run([program, "kubectl", "--kubeconfig", kubeconfig, "get", "nodes"]);
  const words = `${(stdout + stderr).trimEnd()}\nexport KUBECONFIG=${kubeconfig}\nkubectl: ${program} kubectl`;
  return { usable: code === 0 && / Ready /.test(stdout), words };
}
