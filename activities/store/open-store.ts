import type { Configuration } from "../../core/configuration.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { openBucketStore } from "./bucket/bucket-store.ts";
import { openDirectoryStore } from "./directory-store.ts";

/** What the store is opened with beside its configuration. */
export interface StorePlaces {
  /** The directory where none is configured. */
  readonly directory: string;
  /** Where what goes into a bucket lies until it is there: of this process alone; undefined for one that only reads. */
  readonly spoolDirectory?: string;
  /** Told when something takes long. */
  readonly log?: (line: string) => void;
}

/**
 * Opens the artifact store that the configuration names.
 *
 * @throws KgentsError `artifact-unavailable` where a bucket cannot be used
 */
export function openArtifactStore(
  { directory, bucket }: Configuration["artifacts"],
  places: StorePlaces,
): Promise<ArtifactStore> {
  return bucket
    ? openBucketStore(bucket, places.spoolDirectory, places.log)
    : openDirectoryStore(directory ?? places.directory);
}
