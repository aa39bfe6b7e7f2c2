import { descriptors, supervisorFile } from "../sandbox/sandbox-paths.ts";

const { arguments: goAhead, control: report, script: supervisor } = descriptors;

/** Joins the control groups and waits for the go-ahead. */
const wait = `
for group do echo 0 >"$group/cgroup.procs" || exit 1; done
echo ready >&${report}
read -r word <&${goAhead} || exit 0
`;

/**
 * Executes bubblewrap. The environment is empty from the start, and bubblewrap's --clearenv removes what sh adds to it.
 */
const sandboxScript = `
bubblewrap=$1 shell=$2; shift 2
${wait}
exec "$bubblewrap" --args ${goAhead} -- "$shell" ${supervisorFile}
`;

/** Runs the supervisor without a sandbox; `$word` is the work directory. */
const bareScript = `
shift 2
${wait}
cd "$word" || exit 1
eval "$(cat <&${supervisor})"
`;

/** The command of a launcher: with bubblewrap, or without a sandbox. */
export const launcherCommand = (bubblewrap: string | null, shell: string, groups: readonly string[]): string[] => [
  ...["/bin/sh", "-c", bubblewrap === null ? bareScript : sandboxScript, "sh", bubblewrap ?? "", shell, ...groups],
];
