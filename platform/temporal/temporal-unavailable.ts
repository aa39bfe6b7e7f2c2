/**
 * Finds out why a Temporal server cannot be reached. For certificate errors, gRPC only reports an exceeded deadline.
 *
 * @module
 */

import type { ConnectionOptions } from "node:tls";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "../host/error-code.ts";
import { grpcStatus } from "./grpc-status.ts";

/** TLS settings of a connection, as in Temporal's SDK. */
interface TlsOptions {
  readonly serverNameOverride?: string;
  readonly serverRootCACertificate?: Uint8Array;
  readonly clientCertPair?: { readonly crt: Uint8Array; readonly key: Uint8Array };
}
type Tls = TlsOptions | boolean | null | undefined;

/** How long the diagnostic handshake may take, in milliseconds. */
const handshakeMilliseconds = 1000;

const pair = "TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH";

/** The meaning of Node's and OpenSSL's error codes. OpenSSL's names differ between versions. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|CERT_SIGNATURE_FAILURE/,
    "no authority that is known here has signed the server's certificate: set TEMPORAL_TLS_SERVER_CA_CERT_PATH",
  ],
  [/^CERT_HAS_EXPIRED$/, "the server's certificate has expired"],
  [
    /ALTNAME_INVALID/,
    "the server's certificate is for another name: connect by that name, or set TEMPORAL_TLS_SERVER_NAME",
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/,
    `the server takes only clients with a certificate: set ${pair}`,
  ],
  [/ALERT_CERTIFICATE_EXPIRED/, `this client's certificate has expired: look at ${pair}`],
  [/ALERT_UNKNOWN_CA/, `the server does not know the authority of this client's certificate: look at ${pair}`],
  [
    /ALERT_(?:BAD|UNSUPPORTED|REVOKED)?_?CERTIFICATE|ALERT_DECRYPT/,
    `the server refuses this client's certificate: look at ${pair}`,
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/,
    "TLS is configured, and the server speaks none: unset TEMPORAL_TLS_*",
  ],
];

/**
 * Makes a TLS handshake without a request.
 *
 * @returns the error code; `accepted` if the server sent data, as it does to clients that it accepts; undefined if
 * neither happened
 */
async function handshake(address: string, options: ConnectionOptions): Promise<string | undefined> {
  // Loaded on demand: most commands reach their server.
  const { connect } = await import("node:tls");
  const { hostname, port } = new URL(`http://${address}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port || 80), ALPNProtocols: ["h2"], ...options });
    const timer = setTimeout(() => socket.destroy(), handshakeMilliseconds);
    let code: string | undefined;
    // With TLS 1.3, a client without a certificate is rejected only after the handshake.
    socket.once("data", () => {
      code = "accepted";
      socket.destroy();
    });
    socket.on("error", (error) => {
      code ??= errorCode(error);
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

async function tlsTrouble(address: string, tls: Tls): Promise<string | undefined> {
  if (!tls) {
    const answer = await handshake(address, { rejectUnauthorized: false });
    const speaksTls = answer === "accepted" || answer?.includes("ALERT");
    return speaksTls ? "the server speaks TLS, and none is configured: set TEMPORAL_TLS_*" : undefined;
  }
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = tls === true ? {} : tls;
  const code = await handshake(address, {
    ...(serverNameOverride === undefined ? {} : { servername: serverNameOverride }),
    ...(serverRootCACertificate ? { ca: Buffer.from(serverRootCACertificate) } : {}),
    ...(clientCertPair ? { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) } : {}),
  });
  return reasons.find(([pattern]) => code !== undefined && pattern.test(code))?.[1];
}

/** The error for a namespace that does not exist on the server. */
export const namespaceUnavailable = (namespace: string, cause: unknown): KgentsError =>
  new KgentsError(
    "temporal-unavailable",
    `the Temporal server has no namespace ${namespace}: create it with \`kgents admin setup\``,
    { cause, remedy: "Or set TEMPORAL_NAMESPACE to one that is there." },
  );

/** Whether the server reports that the namespace does not exist. Any call can fail this way. */
const isNamespaceMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === grpcStatus.notFound && /namespace/i.test(error.message);

/**
 * The error for a server that cannot be reached or that lacks the namespace. For a TLS problem it gives the reason and
 * the variable to check.
 *
 * @param tls how the connection was configured
 */
export async function temporalUnavailable(
  target: { readonly address: string; readonly namespace: string; readonly tls: Tls },
  error: unknown,
): Promise<KgentsError> {
  const { address, namespace, tls } = target;
  if (isNamespaceMissing(error)) return namespaceUnavailable(namespace, error);
  const trouble = await tlsTrouble(address, tls).catch(() => undefined);
  const why = trouble ?? messageOf(error);
  return new KgentsError("temporal-unavailable", `Temporal does not answer at ${address}: ${why}`, {
    cause: error,
    remedy: trouble && "Correct the TEMPORAL_TLS_* variables or the profile; see docs/production.md.",
  });
}
