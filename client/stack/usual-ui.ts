import { refuseForeignListener } from "../../activities/host/listener-owner.ts";
import { isLoopback } from "./address.ts";

/** The UI of a development server that somebody else started on this machine, where it is at its usual port. */
export async function usualUi(address: string, port: number): Promise<string | null> {
  if (!isLoopback(address)) return null;
  const url = `http://127.0.0.1:${port}`;
  try {
    await refuseForeignListener(`127.0.0.1:${port}`);
    const { ok } = await fetch(`${url}/api/v1/settings`, { signal: AbortSignal.timeout(500) });
    return ok ? url : null;
  } catch {
    return null;
  }
}
