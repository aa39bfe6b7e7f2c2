import { formatDuration } from "#core/text/duration";
import { loadConfiguration } from "#platform/host/configuration-file";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { resolveTarget } from "#platform/temporal/address";
import { type NamespaceSetup, setUpNamespace } from "#platform/temporal/set-up-namespace";
import { connectClient } from "../../sdk/connect.ts";
import { printJson } from "../terminal/print.ts";
import { createReporter, reportError } from "../terminal/reporter.ts";
import type { AdminSetupFlags } from "./admin-command.ts";

/** `kgents admin setup`. */
export async function setup(flags: AdminSetupFlags): Promise<number> {
  const reporter = await createReporter(false);
  try {
    const { configuration } = await loadConfiguration({ path: flags.config });
    const resolved = resolveTarget(process.env, { address: flags.address });
    if (resolved.origin === "local") await refuseForeignListener(resolved.address);
    const target = flags.namespace === undefined ? resolved : { ...resolved, namespace: flags.namespace };
    const { client, address, namespace } = await connectClient(target);
    try {
      reporter.progress(`setting up the namespace ${namespace} at ${address} ...`);
      const done = await setUpNamespace(client.connection, namespace, flags.retention, configuration.retention);
      reporter.settled();
      for (const line of inWords(done)) reporter.say(line);
      if (flags.json) await printJson({ address, ...done }, 2);
      return 0;
    } finally {
      await client.connection.close();
    }
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: flags.json === true });
  }
}

function inWords({ namespace, action, retentionMilliseconds, registered }: NamespaceSetup): string[] {
  const kept = `the history of runs is kept for ${formatDuration(retentionMilliseconds)}`;
  if (action === "unchanged" && registered.length === 0) {
    return [`nothing had to be done: the namespace ${namespace} has everything that runs need; ${kept}`];
  }
  return [
    `the namespace ${namespace} ${action === "unchanged" ? "exists already" : `is ${action}`}; ${kept}`,
    registered.length === 0
      ? "the search attributes of runs exist already"
      : `registered search attributes: ${registered.join(", ")}`,
  ];
}
