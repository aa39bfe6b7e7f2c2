/**
 * The hash of a request. It detects that an idempotency key is reused with a different request.
 *
 * @module
 */
import { type Bytes, fromBase64, utf8Bytes } from "../text/bytes.ts";
import type { Content, ExecutionSpec } from "./request.ts";

/** Serializes a value as JSON with sorted object keys. Undefined values are omitted, as in `JSON.stringify`. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}

/** SHA-256 in hexadecimal. Text is hashed as UTF-8. */
export async function sha256(data: string | Bytes): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", typeof data === "string" ? utf8Bytes(data) : data);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of content in hexadecimal, for each of its three forms. */
export async function contentHash(content: Content): Promise<string> {
  if (typeof content === "string") return sha256(content);
  return "base64" in content ? sha256(fromBase64(content.base64)) : content.artifact;
}

/**
 * SHA-256 of a request with its defaults applied, in hexadecimal. Excludes the fields that do not change what runs:
 * `live` (how output is followed) and `requester`.
 */
export async function requestHash(spec: ExecutionSpec): Promise<string> {
  const { live: _live, requester: _requester, ...counted } = spec;
  return sha256(canonicalJson(counted));
}
