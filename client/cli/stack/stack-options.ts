import { loadConfiguration } from "#platform/host/configuration-file";
import { kgentsPaths } from "#platform/host/paths";
import type { StackOptions } from "../../stack/stack-context.ts";

/** The options of the local stack, from the configuration. */
export async function stackOptions(flags: { readonly config?: string }): Promise<StackOptions> {
  const { configuration, text } = await loadConfiguration({ path: flags.config });
  return {
    paths: kgentsPaths(),
    configurationText: text,
    usesBucket: configuration.artifacts.bucket !== undefined,
    retentionMilliseconds: configuration.retention,
    taskQueue: configuration.worker.taskQueue,
  };
}
