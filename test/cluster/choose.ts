/** Chooses the cluster that the tests run on, and how to start it. */
import { access } from "node:fs/promises";
import { isLeftOut } from "../support/left-out.ts";
import { run } from "../support/run.ts";
import { kindDescription, kindDown, kindUp, runsDocker } from "./kind.ts";
import { nativeDescription, nativeDown, nativeUp } from "./native/native.ts";
import type { ClusterDescription } from "./types.ts";

/** One way to provide a cluster. */
export interface Provider {
  readonly kind: ClusterDescription["kind"];
  /** @returns whether this call started it, rather than finding it running */
  readonly up: (progress: (line: string) => void) => Promise<boolean>;
  /** Removes everything that belongs to it. */
  readonly down: () => Promise<void>;
  /** Undefined while it is not up. */
  readonly describe: () => Promise<ClusterDescription | undefined>;
}

/** @throws naming what is missing, if this machine cannot have a cluster */
export async function chooseProvider(environment: NodeJS.ProcessEnv = process.env): Promise<Provider> {
  const given = environment.KGENTS_TEST_KUBECONFIG;
  if (given) return givenProvider(given);
  if (await runsDocker()) return { kind: "kind", up: kindUp, down: kindDown, describe: kindDescription };
  const missing = [
    process.platform === "linux" ? undefined : "Linux",
    process.getuid?.() === 0 ? undefined : "root",
    (await starts("go", "version")) ? undefined : "Go",
    (await starts("apt-get", "--version")) ? undefined : "Debian's apt-get",
  ].filter((name) => name !== undefined);
  if (missing.length === 0) return { kind: "native", up: nativeUp, down: nativeDown, describe: nativeDescription };
  throw new Error(
    [
      "the tests need a Kubernetes cluster, and there is no way to have one here. Any one of these is enough:",
      "  - KGENTS_TEST_KUBECONFIG, the path of an administrator's kubeconfig of a cluster to test on;",
      "  - Docker and kind;",
      `  - a node built from Go modules; for it this is missing: ${missing.join(", ")}.`,
      "KGENTS_TEST_CLUSTER=off leaves the tests of Kubernetes out (never where CI=true).",
    ].join("\n"),
  );
}

function givenProvider(kubeconfig: string): Provider {
  return {
    kind: "given",
    up: async () => {
      await access(kubeconfig);
      return false;
    },
    // A given cluster is not ours to stop.
    down: async () => {},
    describe: async () => ({ kind: "given", kubeconfig, node: null }),
  };
}

const starts = (...argv: [string, ...string[]]): Promise<boolean> =>
  run(argv).then(
    ({ code }) => code === 0,
    () => false,
  );

/** Whether this run leaves the cluster out. */
export const isClusterOff = (): boolean => isLeftOut("CLUSTER");
