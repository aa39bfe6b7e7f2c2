import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { isLoopback } from "#core/text/loopback";
import { refuseForeignListener } from "#platform/host/listener-owner";

/** The UI at the usual port of a development server of this machine that kgents did not start. */
export async function usualUi(address: string, port: number): Promise<string | null> {
  if (!isLoopback(address)) return null;
  const url = `http://127.0.0.1:${port}`;
  try {
    // Loading node:http as an ES module loads Node's fetch, too: 20 ms that most commands do not need.
    const { Agent, get } = await import("node:http");
    await refuseForeignListener(`127.0.0.1:${port}`);
    // A separate agent bypasses proxies, whatever `http_proxy` and NODE_USE_ENV_PROXY are set to.
    const request = get(`${url}/api/v1/settings`, { agent: new Agent(), signal: AbortSignal.timeout(500) });
    const [answer]: IncomingMessage[] = await once(request, "response");
    answer?.resume();
    return answer?.statusCode === 200 ? url : null;
  } catch {
    return null;
  }
}
