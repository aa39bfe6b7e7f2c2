/**
 * Times and durations as protobuf values.
 *
 * @module
 */
import Long from "long";

interface ProtobufTime {
  readonly seconds?: { toString(): string } | null;
  readonly nanos?: number | null;
}

/** Converts milliseconds to a protobuf time or duration. */
export const toProtobufTime = (milliseconds: number) => ({
  seconds: Long.fromNumber(Math.floor(milliseconds / 1000)),
  nanos: (milliseconds % 1000) * 1e6,
});

/** Converts a protobuf time or duration to milliseconds; 0 if it is missing, as in protobuf. */
export const toMilliseconds = (time: ProtobufTime | null | undefined): number =>
  Number(time?.seconds?.toString() ?? 0) * 1000 + Math.floor((time?.nanos ?? 0) / 1e6);
