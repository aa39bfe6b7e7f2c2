/** Authorization on a Temporal server: tokens, and the key with which the server verifies them. */
import { createSign, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An issuer of tokens that a Temporal server trusts. */
export interface Authorizer extends AsyncDisposable {
  /** The server's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** A token for Temporal's permissions, such as `temporal-system:read` or `my-namespace:write`. */
  readonly token: (...permissions: string[]) => string;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

export async function startAuthorizer(): Promise<Authorizer> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "test", alg: "RS256", use: "sig" }] };
  const server = createServer((_request, response) => response.end(JSON.stringify(keys)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    environment: {
      TEMPORAL_AUTH_AUTHORIZER: "default",
      TEMPORAL_AUTH_CLAIM_MAPPER: "default",
      TEMPORAL_JWT_KEY_SOURCE1: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      // The server's own services have no token.
      USE_INTERNAL_FRONTEND: "true",
      TEMPORAL_SERVICES: "frontend,internal-frontend,history,matching,worker",
    },
    token: (...permissions) => {
      const now = Math.floor(Date.now() / 1000);
      const claims = { sub: "tester", iat: now, exp: now + 3600, permissions };
      const content = `${encode({ alg: "RS256", typ: "JWT", kid: "test" })}.${encode(claims)}`;
      return `${content}.${createSign("RSA-SHA256").update(content).sign(privateKey, "base64url")}`;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
