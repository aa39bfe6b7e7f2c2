import { createHash } from "node:crypto";
import { Transform } from "node:stream";
import { KgentsError } from "#core/contract/error";

/** Checks content against its SHA-256 while it is read. A mismatch fails the stream before its end. */
export function verifyContent(sha256: string): Transform {
  const hash = createHash("sha256");
  return new Transform({
    transform: (chunk: Buffer, _encoding, callback) => {
      hash.update(chunk);
      callback(null, chunk);
    },
    flush: (callback) => {
      const found = hash.digest("hex");
      const message = `the artifact ${sha256} has the content of ${found}`;
      callback(found === sha256 ? null : new KgentsError("artifact-unavailable", message));
    },
  });
}
