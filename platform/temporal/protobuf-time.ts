/**
 * Times and durations as Temporal's services have them.
 *
 * @module
 */
import Long from "long";

interface ProtobufTime {
  readonly seconds?: { toString(): string } | null;
  readonly nanos?: number | null;
}

/** Milliseconds as a time or a duration. */
export const toProtobufTime = (milliseconds: number) => ({
  seconds: Long.fromNumber(Math.floor(milliseconds / 1000)),
  nanos: (milliseconds % 1000) * 1e6,
});

/** A time or a duration in milliseconds; 0 where there is none, as in protobuf. */
export const toMilliseconds = (time: ProtobufTime | null | undefined): number =>
  Number(time?.seconds?.toString() ?? 0) * 1000 + Math.floor((time?.nanos ?? 0) / 1e6);
