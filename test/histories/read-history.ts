import { readFile } from "node:fs/promises";
import proto from "@temporalio/proto";

type History = proto.temporal.api.history.v1.IHistory;

const nanosecondsOf = (fraction = ""): number => Number(fraction.padEnd(9, "0"));

/** Converts a time or duration that is text in protobuf's JSON to its message. Other values are unchanged. */
function timesAsMessages(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const [, time, fraction] = (key.endsWith("Time") && /^(.*?)(?:\.(\d+))?Z$/.exec(value)) || [];
  if (time !== undefined) return { seconds: Date.parse(`${time}Z`) / 1000, nanos: nanosecondsOf(fraction) };
  const [, seconds, rest] = (/(?:Timeout|Interval|Backoff)$/.test(key) && /^(\d+)(?:\.(\d+))?s$/.exec(value)) || [];
  return seconds === undefined ? value : { seconds: Number(seconds), nanos: nanosecondsOf(rest) };
}

/**
 * Reads a history in Temporal's JSON format.
 *
 * The SDK's worker accepts that format too, but its reader requires one copy of `protobufjs` for all of Temporal's
 * packages, and npm gives each of them its own, beside an older one of gRPC's.
 */
export async function readHistory(file: URL): Promise<History> {
  const json: Record<string, unknown> = JSON.parse(await readFile(file, "utf8"), timesAsMessages);
  return proto.temporal.api.history.v1.History.fromObject(json);
}
