import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { WorkerIdentity } from "#platform/host/worker-files";
import type { TemporalTarget } from "#platform/temporal/address";
import { lastingPath, workerEnvironment } from "./background-environment.ts";
import type { StackContext } from "./stack-context.ts";

/** What a background worker reads only at its start. */
export type Fingerprint = Omit<WorkerIdentity, "pid" | "startTime" | "startedAt">;

/** Names of the parts, for messages about changes. */
const parts: Readonly<Record<keyof Fingerprint, string>> = {
  buildHash: "the build",
  kubeconfigHash: "the kubeconfig",
  pathHash: "PATH",
  configHash: "the configuration",
  taskQueue: "the task queue",
  address: "Temporal's address",
};

/** The fingerprint that a worker would have if it started now. */
export function fingerprint(context: StackContext, { address, namespace }: TemporalTarget): Fingerprint {
  const { environment, taskQueue } = context;
  return {
    buildHash: hash(describeTree(dirname(dirname(context.workerEntry)))),
    kubeconfigHash: hash(describeKubeconfig(environment)),
    pathHash: hash([lastingPath(environment.PATH ?? "")]),
    configHash: hash([namespace, context.configurationText]),
    taskQueue,
    address,
  };
}

/** The changed parts between two fingerprints, by their names for messages. */
export function changes(was: Fingerprint, is: Fingerprint): string[] {
  const names: (keyof Fingerprint)[] = [
    "buildHash",
    "kubeconfigHash",
    "pathHash",
    "configHash",
    "taskQueue",
    "address",
  ];
  return names.filter((name) => was[name] !== is[name]).map((name) => parts[name]);
}

const hash = (lines: readonly string[]): string =>
  createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 16);

/** Synchronous: two hundred asynchronous calls take ten times as long, and every command has to wait for them. */
function describeTree(directory: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(directory, { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => /\.[cm]?js$|\.json$/.test(entry))
    .sort()
    .map((entry) => describeFile(join(directory, entry)));
}

function describeFile(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  return `${path} ${status?.size} ${status?.mtimeMs}`;
}

function describeKubeconfig(environment: NodeJS.ProcessEnv): string[] {
  const files = workerEnvironment(environment).KUBECONFIG || join(environment.HOME || homedir(), ".kube", "config");
  return files.split(delimiter).filter(Boolean).map(describeFile);
}
