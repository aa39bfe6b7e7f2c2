import { KgentsError } from "#core/contract/error";
import type { Isolation } from "#core/contract/result";
import type { ProviderStatus } from "./provider.ts";

/**
 * The status of a provider.
 *
 * @param examine checks the machine or the cluster; a KgentsError that it throws means that the provider is unavailable
 */
export async function statusBy(
  examine: () => Promise<{ readonly summary: string; readonly isolation: Isolation }>,
): Promise<ProviderStatus> {
  try {
    const { summary, isolation } = await examine();
    return { available: true, summary, isolation };
  } catch (error) {
    if (!(error instanceof KgentsError)) throw error;
    return { available: false, summary: `${error.message}. ${error.remedy}`, isolation: null };
  }
}
