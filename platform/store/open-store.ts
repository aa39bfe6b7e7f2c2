import type { Configuration } from "#core/configuration/configuration";
import type { ArtifactStore } from "./artifact-store.ts";
import { openBucketStore } from "./bucket/bucket-store.ts";
import type { SpoolSettings } from "./bucket/spool.ts";
import { openDirectoryStore } from "./directory-store.ts";

/** What the store is opened with beside its configuration. */
export interface StorePlaces {
  /** The directory where none is configured. */
  readonly directory: string;
  /** Where what goes into a bucket lies until it is there; undefined for a process that only reads. */
  readonly spool?: SpoolSettings;
  /** Told what is removed to make room. */
  readonly log?: (line: string) => void;
}

/**
 * Opens the artifact store that the configuration names.
 *
 * @throws KgentsError `artifact-unavailable` where a bucket cannot be used
 */
export function openArtifactStore(
  { directory, bucket, ...bounds }: Configuration["artifacts"],
  places: StorePlaces,
): Promise<ArtifactStore> {
  return bucket
    ? openBucketStore(bucket, places.spool, bounds)
    : openDirectoryStore(directory ?? places.directory, { ...bounds, log: places.log });
}
