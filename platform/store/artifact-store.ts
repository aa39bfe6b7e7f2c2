import type { Readable, Writable } from "node:stream";
import type { HeldRun } from "./live-runs.ts";

/**
 * The artifact store: output streams while the code runs, output files, and content too large for a request. A directory, or a
 * bucket of an S3-compatible service.
 */
export interface ArtifactStore {
  /** Tells whether two processes see the same store: a random id, made with the store. */
  readonly id: string;
  /**
   * Opens an artifact to be written from an offset on; it comes into being with the first byte. Two who write the same bytes
   * at the same places do no harm.
   */
  readonly write: (reference: string, offset?: number) => Writable;
  /** Reads an artifact from an offset to an end, which `list` has said is there. */
  readonly read: (reference: string, offset: number, end: number) => Readable;
  /** The artifacts of a run by their references, each with its length in bytes; those that were never written are not there. */
  readonly list: (key: string) => Promise<ReadonlyMap<string, number>>;
  /** Calls back when an artifact of a run may have changed. Returns how to end that. */
  readonly watch: (key: string, onChange: () => void) => () => void;
  /**
   * Waits until what was written of a run, and ended, is where every machine can read it.
   *
   * @returns null, or why it is not there yet; the store goes on trying
   */
  readonly settle: (key: string) => Promise<string | null>;
  /** Keeps content by its SHA-256. */
  readonly putBlob: (content: Readable) => Promise<{ artifact: string; bytes: number }>;
  /**
   * Opens content by its SHA-256.
   *
   * @param bytes its length, as the request gives it and bounds were checked with
   * @throws KgentsError `artifact-unavailable`
   */
  readonly openBlob: (sha256: string, bytes: number) => Promise<Readable>;
  /**
   * Says how long the history of one namespace is kept, and answers the longest that any namespace with this store has said:
   * workers of several servers may share it, and none may remove what another's history still refers to.
   */
  readonly agreeOnRetention: (namespace: string, milliseconds: number) => Promise<number>;
  /**
   * Makes sure that there is room for what another run writes. What has grown too large is made smaller, beginning with what is oldest; what a
   * run that goes on has written or uses stays.
   *
   * @throws KgentsError `disk-full` where there is none
   */
  readonly makeRoom: () => Promise<void>;
  /**
   * Says that a run goes on.
   *
   * @param blobs the content that it uses, each by its SHA-256
   */
  readonly hold: (key: string, blobs: readonly string[]) => Promise<HeldRun>;
  /**
   * Claims the next round of expiry: of all that share the store, one caller is to do it.
   *
   * @param milliseconds a round that was claimed so short ago is the last one
   * @returns whether the round is the caller's
   */
  readonly claimExpiry: (milliseconds: number) => Promise<boolean>;
  /** Removes what was last written before a moment. Returns how many runs and blobs that were. */
  readonly expire: (before: Date) => Promise<number>;
  /** Lets go of what the store holds, after a last attempt to bring what was written to its place. */
  readonly close: () => Promise<void>;
}
