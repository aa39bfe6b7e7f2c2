import { portIn, type TemporalTarget } from "#platform/temporal/address";
import { usualUi } from "./usual-ui.ts";

/** The address of a server's UI; undefined if it is not known. */
export async function findUi(
  target: Pick<TemporalTarget, "address">,
  environment: NodeJS.ProcessEnv,
  managedUi: string | null,
): Promise<string | undefined> {
  const named = environment.KGENTS_UI_URL;
  if (named) return named.replace(/\/+$/, "");
  if (managedUi !== null) return managedUi;
  if (/\.(?:tmprl\.cloud|api\.temporal\.io):\d+$/.test(target.address)) return "https://cloud.temporal.io";
  return (await usualUi(target.address, portIn(target.address) + 1000)) ?? undefined;
}

/** The address of a namespace's runs in the UI, or the summary page of one of them. */
export function uiLink(base: string, namespace: string, run?: { id: string; runId: string }): string {
  const workflows = `${base}/namespaces/${encodeURIComponent(namespace)}/workflows`;
  if (run) return `${workflows}/${encodeURIComponent(run.id)}/${encodeURIComponent(run.runId)}/user-metadata`;
  return `${workflows}?query=${encodeURIComponent("`WorkflowType`='executeCode'")}`;
}
