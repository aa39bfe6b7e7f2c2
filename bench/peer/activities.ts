import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The minimum that a user would write by hand: a command in bubblewrap. */
export const bareArguments = (command: readonly string[]): string[] => [
  ...["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"],
  ...["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/work", "--chdir", "/work"],
  ...["--unshare-all", "--die-with-parent", "--new-session", "--", ...command],
];

/** The peer's activities. */
export const createPeerActivities = (bubblewrap: string) => ({
  before: async (): Promise<string> => "ready",
  run: async (): Promise<string> => (await run(bubblewrap, bareArguments(["/bin/sh", "-c", "true"]))).stdout,
  after: async (): Promise<void> => {},
});
