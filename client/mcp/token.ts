import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";

/** Minimum length: a shorter token can be guessed. */
const minimumTokenCharacters = 16;

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Checks a request's `Authorization` header, in constant time. */
export function mayPass(token: string | undefined, authorization: string | undefined): boolean {
  if (token === undefined) return true;
  const [, given = ""] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
  return timingSafeEqual(digest(given), digest(token));
}

/**
 * Reads the token that clients must send, from a file or from `KGENTS_MCP_TOKEN`.
 *
 * @throws KgentsError `invalid-request`
 */
export async function readToken(file: string | undefined, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const field = file === undefined ? "KGENTS_MCP_TOKEN" : "--token-file";
  const refuse = (what: string, cause?: unknown): KgentsError =>
    new KgentsError("invalid-request", `${field}: ${what}`, {
      field,
      cause,
      remedy: "Create a token with `openssl rand -hex 32`, in a file that only you can read.",
    });
  const text =
    file === undefined
      ? environment.KGENTS_MCP_TOKEN
      : await readFile(file, "utf8").catch((error) => {
          throw refuse(`${file} cannot be read: ${error.message}`, error);
        });
  if (text === undefined) return undefined;
  const token = text.trim();
  if (!/^[\x21-\x7e]*$/.test(token) || token.length < minimumTokenCharacters) {
    throw refuse(`allowed are ${minimumTokenCharacters} or more printable ASCII characters without spaces`);
  }
  return token;
}
