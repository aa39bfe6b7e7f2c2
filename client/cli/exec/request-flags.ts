/**
 * The flags that set the same fields in a new request and in the request of a run that is repeated.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { collect } from "../terminal/collect.ts";

/** Declares the flags of the program's arguments and variables. */
export const programFlags = (command: Command): Command =>
  command
    .option("--arg <value>", "an argument of the program (repeatable)", collect)
    .option("-e, --env <name=value>", "an environment variable (repeatable)", collect);

/** Declares the flags that name packages. */
export const namedPackageFlags = (command: Command): Command =>
  command
    .option("--with <package>", "a package to install for the code, such as pandas>=2 or zod@^4 (repeatable)", collect)
    .option("--requirements <file>", "a file of Python packages to install, as pip reads it");

/** Declares the flags of packages. */
export const packageFlags = (command: Command): Command =>
  namedPackageFlags(command).option(
    "--no-inline-packages",
    "ignore the packages that the code itself or a package.json names",
  );

/** Declares the flag of the output files. */
export const outputFlag = (command: Command): Command =>
  command.option("--output <glob>", "output files to return from the work directory (repeatable)", collect);

/** Declares the flags of the limits. @param namesDefaults whether the help names the default of each */
export function limitFlags(command: Command, namesDefaults: boolean): Command {
  const or = (text: string, usual: string): string => (namesDefaults ? `${text} (default: ${usual})` : text);
  return command
    .option("-t, --timeout <duration>", or("time limit of the code: seconds, or 90s, 5m, 1h", "30"))
    .option("--startup-timeout <duration>", or("time limit for scheduling and the image pull", "60"))
    .option("--cpu <quantity>", or("cpu limit, such as 200m or 0.5", "1"))
    .option("--memory <quantity>", or("memory limit, such as 256Mi", "512Mi"))
    .option("--disk <quantity>", or("limit of the space that the code may use on disk", "100Mi"));
}

/** Declares the flag that opens the network. */
export const networkFlag = (command: Command): Command =>
  command.option("--network", "let the code reach public addresses");

/** Declares the flag that chooses the backend. @param usual named in the help as the default, if given */
export const backendFlag = (command: Command, usual?: string): Command =>
  command.addOption(
    new Option("--backend <name>", usual === undefined ? "the backend" : `the backend (default: ${usual})`).choices([
      "auto",
      "kubernetes",
      "subprocess",
    ]),
  );

/** Declares the flags of the Job, and the labels. @param namesDefaults as in {@link limitFlags} */
export const jobFlags = (command: Command, namesDefaults: boolean): Command =>
  command
    .option("--image <reference>", "the image on Kubernetes")
    .option("--ttl <duration>", `how long a finished Job stays in the cluster${namesDefaults ? " (default: 60)" : ""}`)
    .option("--label <key=value>", "a label (repeatable)", collect);
