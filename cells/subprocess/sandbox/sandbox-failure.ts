import { KgentsError } from "#core/contract/error";
import { symbolicLinkInTheWay } from "../../files/folders-line.ts";

/** Known failures of building a sandbox: the message, its meaning, and the remedy. */
const known: readonly { readonly pattern: RegExp; readonly reason: string; readonly remedy: string }[] = [
  {
    pattern: /setting up uid map: Permission denied|apparmor/i,
    reason: "AppArmor does not let ordinary users make namespaces (Ubuntu 23.10 and later)",
    remedy:
      "Allow it with `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, install an AppArmor profile for bwrap, or use a cluster.",
  },
  {
    pattern: /No permissions to create(?: a)? new namespace|Creating new namespace failed|unshare.*failed/i,
    reason: "this process may not make namespaces, as in most unprivileged containers",
    remedy:
      "Allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`, `user.max_user_namespaces`), run the worker outside the container, or use a cluster.",
  },
  {
    pattern: /Can't mount proc/i,
    reason: "this container hides parts of /proc, so that no new one can be mounted",
    remedy: "Run the worker outside the container or with an unmasked /proc, or use a cluster.",
  },
  {
    pattern: /setpriv.*(?:not found|No such file|unrecognized|invalid)/i,
    reason: "setpriv, which gives up root inside the sandbox, is missing or too old",
    remedy: "Install util-linux 2.33 or later, or run the worker as an ordinary user.",
  },
  {
    pattern: /Unknown option/i,
    reason: "this bubblewrap is too old",
    remedy: "Install bubblewrap 0.8 or later.",
  },
];

/** Converts the diagnostics of bubblewrap or the supervisor to an error. */
export function sandboxFailure(diagnostics: string): KgentsError {
  const text = diagnostics.trim().split("\n").slice(-3).join("; ").slice(0, 500);
  const found = known.find(({ pattern }) => pattern.test(diagnostics));
  if (found) {
    return new KgentsError("sandbox-unavailable", `the sandbox does not start: ${found.reason} (${text})`, {
      remedy: found.remedy,
    });
  }
  if (diagnostics.includes(symbolicLinkInTheWay)) {
    return new KgentsError("invalid-request", `files: ${text}`, {
      field: "files",
      remedy: "Remove the link, or use another path.",
    });
  }
  // A full disk can also truncate a write: tar then reports how many bytes it wrote.
  if (/No space left on device|Wrote only \d+ of \d+ bytes/i.test(diagnostics)) {
    return new KgentsError("invalid-request", `disk: code and input files do not fit in the limit (${text})`, {
      field: "disk",
      remedy: "Ask for more disk.",
    });
  }
  return new KgentsError("cell-start", `the sandbox ended before the code started: ${text || "it said nothing"}`);
}
