import { loadConfiguration } from "#platform/host/configuration-file";
import { kgentsPaths } from "#platform/host/paths";
import type { StackOptions } from "../../stack/stack-context.ts";

/** How the stack is asked for, as the configuration has it. */
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
