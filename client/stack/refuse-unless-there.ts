import { KgentsError } from "#core/contract/error";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { probe } from "#platform/temporal/probe";

/**
 * Refuses a port of this machine at which no server is that may be used. (A connection would try again and again until its time is up;
 * the port says at once that nothing is there.)
 *
 * @throws KgentsError `temporal-unavailable`; `stack-start` where it is another user's
 */
export async function refuseUnlessThere(address: string): Promise<void> {
  if ((await probe(address)).kind !== "temporal") {
    throw new KgentsError("temporal-unavailable", `no Temporal server listens at ${address}`);
  }
  await refuseForeignListener(address);
}
