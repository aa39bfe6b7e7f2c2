import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { hostLabel } from "#core/contract/names";
import type { Paths } from "#platform/host/paths";
import { sharedId } from "#platform/host/shared-id";

/**
 * The id of this host among the workers that share a Temporal server: stable when its worker is restarted.
 *
 * Two machines may have one name, as those do that nobody gave one; two may share one state directory, as homes on a file
 * server are. So both the name and an id that is kept in the state directory count.
 */
export async function hostIdOf(paths: Paths, slot: number): Promise<string> {
  const kept = await sharedId(join(paths.state, "host-id"));
  const place = createHash("sha256").update(`${hostname()}\0${kept}`).digest("hex").slice(0, 8);
  return `${hostLabel(hostname())}-${place}-${slot}`;
}
