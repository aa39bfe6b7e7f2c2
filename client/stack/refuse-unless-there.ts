import { KgentsError } from "#core/contract/error";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { probe } from "#platform/temporal/probe";

/**
 * Fails if no usable server listens at a port of this machine. A connection would retry until its timeout, while a
 * probe of the port fails at once.
 *
 * @throws KgentsError `temporal-unavailable`; `stack-start` if it belongs to another user
 */
export async function refuseUnlessThere(address: string): Promise<void> {
  const { kind } = await probe(address);
  if (kind !== "nothing") await refuseForeignListener(address);
  if (kind !== "temporal") throw new KgentsError("temporal-unavailable", `no Temporal server listens at ${address}`);
}
