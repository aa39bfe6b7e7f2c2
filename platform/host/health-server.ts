import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "#core/text/message-of";
import { createBoundedServer, type Listening, listenAtFlag } from "#platform/host/bounded-http-server";

/** Deadline for the readiness check, in milliseconds. Later, the prober has given up. */
const answerMilliseconds = 5000;

/** Limits for probes, which are short requests. */
const bounds = { maximumConnections: 64, requestMilliseconds: 5000 };

/**
 * Serves probes: `GET /healthz` for liveness, `GET /readyz` for readiness. Both respond with 200, or 503 and the
 * reason.
 *
 * @param unready why the process takes no work now; undefined if it does
 * @param port 0 for any free port
 * @throws KgentsError `invalid-configuration` if it cannot listen there
 */
export async function startHealthServer(
  { host, port }: { host: string; port: number },
  unready: () => Promise<string | undefined>,
  limits = { answerMilliseconds },
): Promise<Listening> {
  const silence = `no response in ${limits.answerMilliseconds} ms`;
  const server = createBoundedServer(async ({ method, url }, response) => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
      response.end(method === "HEAD" ? undefined : `${text}\n`);
    };
    if (method !== "GET" && method !== "HEAD") return answer(405, "allowed are GET and HEAD");
    const path = url?.split("?")[0];
    if (path === "/healthz") return answer(200, "alive");
    if (path !== "/readyz") return answer(404, "allowed are /healthz and /readyz");
    const why = await Promise.race([unready(), delay(limits.answerMilliseconds, silence, { ref: false })]).catch(
      messageOf,
    );
    return answer(why === undefined ? 200 : 503, why ?? "ready");
  }, bounds);
  return listenAtFlag("--health-port", server, { host, port });
}
