/** The node as seen from this machine: a first process, a network interface and cgroups. */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { access, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identifyProcess, isRunning, type ProcessIdentity } from "#platform/host/process-identity";
import { type Finished, run } from "../../support/run.ts";
import type { Build } from "./build.ts";
import { firstNode, type NodePlace, nodeDirectory, placeEnvironment, sourceDirectory } from "./paths.ts";

const upMilliseconds = 120_000;

/** The node's first process, and the build it was started from. */
export interface RunningNode {
  readonly first: ProcessIdentity;
  readonly build: Build;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const recordFile = join(nodeDirectory, "node.json");

/** The running node, whether or not its cluster responds yet. */
export async function findNode(): Promise<RunningNode | undefined> {
  const record = await readFile(recordFile, "utf8").catch(() => undefined);
  if (record === undefined) return undefined;
  const node = JSON.parse(record) as RunningNode;
  return (await isRunning(node.first)) ? node : undefined;
}

/** Whether the node became ready. An interrupted start leaves a node that did not. */
export const isUp = (): Promise<boolean> => exists(join(nodeDirectory, "up"));

/** The environment of a node's scripts. */
export const nodeEnvironment = (build: Build): Record<string, string> => ({
  ...placeEnvironment(firstNode),
  PROGRAMS: build.programs,
  IMAGES: build.images,
  KUBECONFIG: join(nodeDirectory, "kubeconfig"),
  SERVER_ADDRESS: firstNode.address,
});

/** @throws with the ends of the components' logs, if the node does not become ready */
export async function startNode(build: Build): Promise<void> {
  await stopNode();
  mkdirSync(nodeDirectory, { recursive: true, mode: 0o700 });
  mkdirSync(join(nodeDirectory, "log"));
  const log = openSync(join(nodeDirectory, "log", "node"), "a");
  const hostNetwork = openSync("/proc/self/ns/net", "r");
  const namespaces = ["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"];
  const holder = spawn("unshare", [...namespaces, join(sourceDirectory, "node.sh")], {
    detached: true,
    env: { ...process.env, ...nodeEnvironment(build) },
    // Descriptor 9 is the host's network namespace, for the node's link and the listener that represents the host.
    stdio: ["ignore", log, log, ...Array<"ignore">(6).fill("ignore"), hostNetwork],
  });
  closeSync(log);
  closeSync(hostNetwork);
  const ended = new Promise<string>((resolve) => {
    holder.once("error", (error) => resolve(error.message));
    holder.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  holder.unref();
  try {
    if (holder.pid === undefined) throw new Error(await ended);
    const first = await firstProcess(holder.pid);
    await writeFile(recordFile, JSON.stringify({ first: await identifyProcess(first), build } satisfies RunningNode));
    const failure = await Promise.race([ended, untilUp()]);
    if (failure !== undefined) throw new Error(`it ${failure}`);
  } catch (error) {
    const logs = await logEnds();
    await stopNode();
    throw new Error(`the test cluster's node did not come up: ${(error as Error).message}\n${logs}`, { cause: error });
  }
}

async function untilUp(): Promise<string | undefined> {
  for (const end = Date.now() + upMilliseconds; Date.now() < end; await delay(50)) {
    if (await isUp()) return undefined;
  }
  return `was not ready after ${upMilliseconds / 1000} s`;
}

async function firstProcess(holder: number): Promise<number> {
  for (const end = Date.now() + 5000; Date.now() < end; await delay(10)) {
    const children = await readFile(`/proc/${holder}/task/${holder}/children`, "utf8").catch(() => "");
    const child = Number.parseInt(children, 10);
    if (child > 0) return child;
  }
  throw new Error("unshare started no process");
}

async function logEnds(): Promise<string> {
  const directory = join(nodeDirectory, "log");
  const names = await readdir(directory).catch(() => []);
  const ends = names.map(async (name) => {
    const content = await readFile(join(directory, name), "utf8");
    return `--- ${name}\n${content.trimEnd().split("\n").slice(-5).join("\n")}`;
  });
  return (await Promise.all(ends)).join("\n");
}

/** Removes every process, mount, interface, cgroup and file of the node, whatever state it is in. */
export async function stopNode(): Promise<void> {
  const node = await findNode();
  if (node) {
    // The first process of a PID namespace: the kernel kills all others with it, and releases its mounts and network.
    process.kill(node.first.pid, "SIGKILL");
    for (const end = Date.now() + 30_000; await isRunning(node.first); await delay(20)) {
      if (Date.now() > end) throw new Error(`process ${node.first.pid} does not end`);
    }
  }
  await run(["ip", "link", "delete", firstNode.gateway.interface]);
  for (const group of await controlGroups(firstNode)) await removeGroup(group);
  await rm(nodeDirectory, { recursive: true, force: true, maxRetries: 5 });
}

async function controlGroups({ controlGroup }: NodePlace): Promise<string[]> {
  const root = "/sys/fs/cgroup";
  const hierarchies = await readdir(root).catch(() => []);
  const groups = [root, ...hierarchies.map((name) => join(root, name))].map((parent) => join(parent, controlGroup));
  const present = await Promise.all(groups.map(exists));
  return groups.filter((_, index) => present[index]);
}

/**
 * Finds what is left of a node on this machine. Empty after it was stopped.
 *
 * @param atGateway runs a program in the network that the node is linked to
 */
export async function nodeRemains(
  place = firstNode,
  atGateway: (argv: readonly [string, ...string[]]) => Promise<Finished> = run,
): Promise<string[]> {
  const mounts = (await readFile("/proc/self/mounts", "utf8"))
    .split("\n")
    .filter((line) => line.includes(place.directory));
  const link = await atGateway(["ip", "link", "show", place.gateway.interface]);
  // Every process of a node has the node's directory in its environment.
  const processes: string[] = [];
  for (const name of await readdir("/proc")) {
    const environment = /^\d+$/.test(name) ? await readFile(`/proc/${name}/environ`, "utf8").catch(() => "") : "";
    const directory = environment.split("\0").find((each) => each.startsWith("DIRECTORY="));
    if (`${directory}/`.startsWith(`DIRECTORY=${place.directory}/`)) processes.push(`process ${name}`);
  }
  const files = (await exists(place.directory)) ? [place.directory] : [];
  const links = link.code === 0 ? [place.gateway.interface] : [];
  return [...processes, ...mounts, ...links, ...(await controlGroups(place)), ...files];
}

/** A cgroup stays busy for a moment after its last process was killed. */
async function removeGroup(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(group, entry.name));
  for (const end = Date.now() + 5000; ; await delay(50)) {
    try {
      return await rmdir(group);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || Date.now() > end) throw error;
    }
  }
}
