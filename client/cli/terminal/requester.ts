import { userInfo } from "node:os";

/** Who asks, where a person does at a terminal: such as `cli:alice`; the system's name of the user, or else the number. */
export function requesterOfCommandLine(): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // A user without an entry in the system's list, as in many containers.
    name = String(process.getuid?.() ?? "");
  }
  return `cli:${name.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100)}`;
}
