/**
 * The network of runs that request one: public addresses, but nothing on this machine or its local networks.
 *
 * The launcher is in its own network namespace before bubblewrap starts, which then creates none. An ordinary user
 * could not restrict bubblewrap's own namespace from outside: with /dev/pts bubblewrap creates a second user namespace,
 * and no outside process can enter the first, which owns the network namespace.
 *
 * @module
 */

import { readFile, readlink } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { findSystemTool } from "#platform/host/find-program";
import { outputOf } from "#platform/host/run-program";
import type { Launcher } from "../launcher/launcher.ts";
import type { SandboxMode } from "../sandbox/bubblewrap-arguments.ts";
import { hostNetworks, outputRules, rulesInForce, rulesScript } from "./rules.ts";
import { startSlirp } from "./slirp.ts";

/** A network that is ready to be connected. */
export interface PreparedNetwork {
  /** The command prefix with which the launcher must be started. */
  readonly launcherPrefix: readonly string[];
  /**
   * Restricts the launcher's namespace and connects it, before the code starts.
   *
   * @returns a function that takes the connection down
   * @throws KgentsError `network-isolation-unavailable`
   */
  readonly connect: (launcher: Launcher) => Promise<() => Promise<void>>;
}

const packages = {
  slirp4netns: "slirp4netns",
  nft: "nftables",
  nsenter: "util-linux",
  unshare: "util-linux",
} as const;

type Tool = keyof typeof packages;

async function tool(name: Tool): Promise<string> {
  const found = await findSystemTool(name);
  if (found !== undefined) return found;
  throw new KgentsError(
    "network-isolation-unavailable",
    `${name} is missing, without which a network cannot be isolated`,
    {
      remedy: `Install ${packages[name]} (\`apt install ${packages[name]}\`), or run without --network.`,
    },
  );
}

async function assertOwnNamespace(process: number): Promise<void> {
  const [theirs, ours] = await Promise.all([readlink(`/proc/${process}/ns/net`), readlink("/proc/self/ns/net")]);
  if (theirs === ours) throw new Error("the sandbox has no network namespace of its own");
}

/**
 * Finds the required tools.
 *
 * @throws KgentsError `network-isolation-unavailable`, naming what is missing
 */
export async function prepareNetwork(mode: SandboxMode): Promise<PreparedNetwork> {
  const slirp = await tool("slirp4netns");
  const nft = await tool("nft");
  const nsenter = await tool("nsenter");
  const unshare = await tool("unshare");
  const user = mode === "user";
  const connect = async (launcher: Launcher): Promise<() => Promise<void>> => {
    const target = launcher.child.pid;
    if (target === undefined || !(await launcher.ready)) throw new Error("its namespaces could not be made");
    await assertOwnNamespace(target);
    const inside = (args: readonly string[], input?: string): Promise<string> => {
      const namespaces = [`--target=${target}`, ...(user ? ["--user", "--preserve-credentials"] : []), "--net"];
      return outputOf(nsenter, [...namespaces, "--", nft, ...args], { environment: {}, ...(input ? { input } : {}) });
    };
    const rules = outputRules(hostNetworks(await readFile("/proc/net/fib_trie", "utf8")));
    // Set the rules before the connection, so that it is never unrestricted.
    await inside(["-f", "-"], rulesScript(rules));
    if (!rulesInForce(await inside(["list", "ruleset"]), rules))
      throw new Error("the rules read back are not those set");
    return startSlirp(slirp, target);
  };
  return {
    launcherPrefix: [unshare, ...(user ? ["--user", "--map-root-user"] : []), "--net", "--"],
    connect: async (launcher) => {
      try {
        return await connect(launcher);
      } catch (cause) {
        const reason = messageOf(cause);
        const remedy = reason.includes("/dev/net/tun")
          ? "Let the worker's user open /dev/net/tun (usual is mode 0666), or run without --network."
          : undefined;
        throw new KgentsError("network-isolation-unavailable", `the network cannot be isolated: ${reason}`, {
          cause,
          remedy,
        });
      }
    },
  };
}
