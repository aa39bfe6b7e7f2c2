import type { Readable, Writable } from "node:stream";
import type { HeldRun } from "./live-runs.ts";

/**
 * The artifact store: output streams while the code runs, output files, and content too large for a request. It is a
 * directory or a bucket of an S3-compatible service.
 */
export interface ArtifactStore {
  /** Identifies the store, so that two processes can compare theirs. A random id, created with the store. */
  readonly id: string;
  /**
   * Opens an artifact for writing from an offset. It is created with the first byte. Two writers may write the same
   * bytes at the same offsets.
   */
  readonly write: (reference: string, offset?: number) => Writable;
  /** Reads an artifact from an offset to an end, which must be within the length that `list` reported. */
  readonly read: (reference: string, offset: number, end: number) => Readable;
  /**
   * The artifacts of a run by reference, each with its length in bytes. Artifacts that were never written are missing.
   */
  readonly list: (key: string) => Promise<ReadonlyMap<string, number>>;
  /** Calls back when an artifact of a run may have changed. Returns a function that stops it. */
  readonly watch: (key: string, onChange: () => void) => () => void;
  /**
   * Waits until the finished artifacts of a run are readable from every machine.
   *
   * @returns null, or why they are not yet; the store keeps trying
   */
  readonly settle: (key: string) => Promise<string | null>;
  /** Stores content under its SHA-256. */
  readonly putBlob: (content: Readable) => Promise<{ artifact: string; bytes: number }>;
  /**
   * Opens content by its SHA-256.
   *
   * @param bytes its length as the request states it, which was checked against the limits
   * @throws KgentsError `artifact-unavailable`
   */
  readonly openBlob: (sha256: string, bytes: number) => Promise<Readable>;
  /**
   * Records how long the history of one namespace is kept, and returns the longest retention that any namespace has
   * recorded. Workers of several servers may share a store, so no worker may remove artifacts that another's history
   * still refers to.
   */
  readonly agreeOnRetention: (namespace: string, milliseconds: number) => Promise<number>;
  /**
   * Ensures that there is room for another run's output. A store that is too large is trimmed, oldest content first.
   * Content that an open run has written or uses is kept.
   *
   * @throws KgentsError `disk-full` if there is no room
   */
  readonly makeRoom: () => Promise<void>;
  /**
   * Marks a run as live.
   *
   * @param blobs what the run uses: content by its SHA-256, and other runs by their keys. Replaces what it used before
   */
  readonly hold: (key: string, blobs: readonly string[]) => Promise<HeldRun>;
  /**
   * Claims the next round of expiry. Of all processes that share the store, one gets it.
   *
   * @param milliseconds no round is due if the last was claimed less than this ago
   * @returns whether the caller has claimed the round
   */
  readonly claimExpiry: (milliseconds: number) => Promise<boolean>;
  /** Removes runs and blobs that were last written before a time, unless they are live. Returns how many were removed. */
  readonly expire: (before: Date) => Promise<number>;
  /** Closes the store, after a last attempt to upload what was written. */
  readonly close: () => Promise<void>;
}
