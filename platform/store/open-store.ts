import type { Configuration } from "#core/configuration/configuration";
import type { ArtifactStore } from "./artifact-store.ts";
import { openBucketStore } from "./bucket/bucket-store.ts";
import type { SpoolSettings } from "./bucket/spool.ts";
import { openDirectoryStore } from "./directory-store.ts";

/** Locations for the store, beside its configuration. */
export interface StorePlaces {
  /** The default directory. */
  readonly directory: string;
  /** The spool for writes to a bucket; undefined for a process that only reads. */
  readonly spool?: SpoolSettings;
  /** Called with each removal that makes room. */
  readonly log?: (line: string) => void;
}

/**
 * Opens the artifact store that the configuration names.
 *
 * @throws KgentsError `artifact-unavailable` if a bucket cannot be used
 */
export function openArtifactStore(
  { directory, bucket, ...bounds }: Configuration["artifacts"],
  places: StorePlaces,
): Promise<ArtifactStore> {
  return bucket
    ? openBucketStore(bucket, places.spool, bounds)
    : openDirectoryStore(directory ?? places.directory, { ...bounds, log: places.log });
}
