import type { Configuration } from "#core/configuration/configuration";
import { KgentsError } from "#core/contract/error";
import { probeBucket } from "#platform/store/bucket/bucket-store";
import { type Check, failed, ok } from "./check.ts";

/** Whether the artifact bucket can be read, if one is configured. */
export async function checkArtifacts({ bucket }: Configuration["artifacts"]): Promise<Check | undefined> {
  if (!bucket) return undefined;
  try {
    await probeBucket(bucket);
    return ok("Artifacts", `in the bucket ${bucket.name}`);
  } catch (error) {
    if (!(error instanceof KgentsError)) throw error;
    return failed("Artifacts", error.message, error.remedy);
  }
}
