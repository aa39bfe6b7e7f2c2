import { userInfo } from "node:os";

/** The requester of a run started from a terminal, such as `cli:alice`: the user's name, or else the numeric id. */
export function requesterOfCommandLine(): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // The user has no entry in the system's user database, as in many containers.
    name = String(process.getuid?.() ?? "");
  }
  return `cli:${name.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100)}`;
}
