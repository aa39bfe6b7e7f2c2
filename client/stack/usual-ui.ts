import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { isLoopback } from "#core/text/loopback";
import { refuseForeignListener } from "#platform/host/listener-owner";

/** The UI of a development server that somebody else started on this machine, where it is at its usual port. */
export async function usualUi(address: string, port: number): Promise<string | null> {
  if (!isLoopback(address)) return null;
  const url = `http://127.0.0.1:${port}`;
  try {
    await refuseForeignListener(`127.0.0.1:${port}`);
    // An agent of its own: what goes to this machine goes by no proxy, whatever `http_proxy` and NODE_USE_ENV_PROXY say.
    const request = get(`${url}/api/v1/settings`, { agent: new Agent(), signal: AbortSignal.timeout(500) });
    const [answer]: IncomingMessage[] = await once(request, "response");
    answer?.resume();
    return answer?.statusCode === 200 ? url : null;
  } catch {
    return null;
  }
}
