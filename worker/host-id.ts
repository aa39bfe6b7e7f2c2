import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { hostLabel } from "#core/contract/names";
import type { Paths } from "#platform/host/paths";
import { sharedId } from "#platform/host/shared-id";

/**
 * The id of this host among the workers that share a Temporal server. It is stable across restarts.
 *
 * Host names are not unique (machines without a configured name share one), and neither are state directories (home
 * directories on a file server). So the id combines the name with an id kept in the state directory.
 */
export async function hostIdOf(paths: Paths, slot: number): Promise<string> {
  const kept = await sharedId(join(paths.state, "host-id"));
  const place = createHash("sha256").update(`${hostname()}\0${kept}`).digest("hex").slice(0, 8);
  return `${hostLabel(hostname())}-${place}-${slot}`;
}
