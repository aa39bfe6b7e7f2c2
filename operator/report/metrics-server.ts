import { createBoundedServer, type Listening, listenAtFlag } from "#platform/host/bounded-http-server";

/**
 * Serves metrics at `GET /metrics`.
 *
 * @throws KgentsError `invalid-configuration` if it cannot listen there
 */
export async function startMetricsServer(
  { host, port }: { readonly host: string; readonly port: number },
  render: () => string,
): Promise<Listening> {
  const server = createBoundedServer(
    ({ method, url }, response) => {
      const answer = (status: number, text: string): void => {
        response.writeHead(status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(method === "HEAD" ? undefined : text);
      };
      if (method !== "GET" && method !== "HEAD") return answer(405, "allowed are GET and HEAD\n");
      if (url?.split("?")[0] !== "/metrics") return answer(404, "allowed is /metrics\n");
      return answer(200, render());
    },
    { maximumConnections: 16, requestMilliseconds: 5000 },
  );
  return listenAtFlag("--metrics-port", server, { host, port });
}
