import { installHook } from "../../../agents/generated/git-hook.ts";
import { specDirectoryOf } from "../../../agents/specs/load-agents.ts";
import { complain } from "../../terminal/print.ts";
import { reportError } from "../../terminal/reporter.ts";
import type { HookFlags } from "./agents-commands.ts";

/** `kgents infra hook install`. */
export async function installGitHook({ specDir, output }: HookFlags): Promise<number> {
  try {
    const specDirectory = specDirectoryOf({ specDirectory: specDir });
    const { path, action } = await installHook({ specDirectory, output });
    complain(`${path}: ${action}; commits are refused where ${output} is not what ${specDirectory} says`);
    return 0;
  } catch (error) {
    return reportError(error, { json: false });
  }
}
