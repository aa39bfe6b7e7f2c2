import { shellQuote } from "#core/text/shell-quote";
import {
  collection,
  directStart,
  execution,
  killLeftovers,
  programStart,
  quoted,
  type SupervisorPlan,
  startsAgain,
} from "./program-script.ts";
import { descriptors, supervisorFile } from "./sandbox-paths.ts";

/** The argument that makes the script start the program instead. */
const programWord = "program";

/**
 * The script of the supervisor, the first process in the sandbox. It unpacks input files and runs the program with the
 * real streams, in the foreground, because a shell detaches a background program from stdin and SIGINT. It then reports
 * on the control descriptor how the program ended.
 *
 * If the worker is root, the supervisor keeps uid 0 with the few capabilities to start and kill processes of the run's
 * uid: the kernel kills it with bubblewrap (`--die-with-parent`) only while both have the same uid. If the worker is an
 * ordinary user, it has the program's uid, and its reports are not trusted.
 */
export function supervisorScript(plan: SupervisorPlan): string {
  const { control } = descriptors;
  // The script is its own second shell.
  const again = startsAgain(plan);
  const start = again ? [`exec ${quoted([...plan.drop, "/bin/sh", supervisorFile, programWord])}`] : directStart(plan);
  return [
    ...(again ? [`if [ "$1" = ${programWord} ]; then`, ...programStart(plan), "fi"] : []),
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "umask 022",
    "exec 5>&- 6>&- 7>&- 8>&- 9>&-",
    ...(plan.inputs
      ? [`${quoted([...plan.drop, "tar"])} -xf - -C ${shellQuote(plan.directory)} <&${control} || exit 0`]
      : []),
    ...execution(plan, start),
    ...(plan.patterns.length === 0
      ? []
      : [
          ...(plan.ownsNamespace ? killLeftovers : []),
          `cd ${shellQuote(plan.directory)} || exit 0`,
          ...collection(plan),
        ]),
    "",
  ].join("\n");
}
