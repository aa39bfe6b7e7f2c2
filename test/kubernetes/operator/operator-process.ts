/** `kgents operator` as a process of its own, which can be stopped and killed. */

import type { CommandLine, Running } from "../../support/command-line.ts";
import { freePort } from "../../support/dev-server.ts";
import { until } from "../moments.ts";
import { cluster } from "../support.ts";

export interface OperatorProcess extends Running, AsyncDisposable {
  /** Whether it leads, by its log: it began to, and has not lost the Lease since. */
  readonly leads: () => boolean;
  /** Resolves when it leads. Returns the milliseconds since the call. */
  readonly untilLeads: () => Promise<number>;
  readonly metricsText: () => Promise<string>;
  /** One of its metrics. */
  readonly metric: (line: RegExp) => Promise<number>;
  /** Sends a signal. */
  readonly signal: (signal: NodeJS.Signals) => void;
}

/** Starts an operator of a namespace, or of all with `*`. */
export async function startOperatorProcess(
  commands: CommandLine,
  namespace: string,
  kubeconfig: string = cluster.kubeconfig,
): Promise<OperatorProcess> {
  const port = await freePort();
  const served = namespace === "*" ? ["--all-namespaces"] : ["--namespace", namespace];
  const running = commands.start(["operator", ...served, "--metrics-port", String(port)], {
    environment: { KUBECONFIG: kubeconfig },
  });
  const metricsText = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const leads = (): boolean => {
    const log = running.stderr();
    return log.lastIndexOf("this operator leads") > log.lastIndexOf("the Lease is lost");
  };
  return {
    ...running,
    leads,
    untilLeads: async () => {
      const from = performance.now();
      await until("the operator leads", async () => leads(), 10);
      return Math.round(performance.now() - from);
    },
    metricsText,
    metric: async (line) => {
      const text = await metricsText();
      const found = line.exec(text)?.[1];
      if (found === undefined) throw new Error(`no ${line} in\n${text}`);
      return Number(found);
    },
    signal: (signal) => void running.child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      running.child.kill("SIGKILL");
      await running.ended;
    },
  };
}
