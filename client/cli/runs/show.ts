import { KgentsError } from "#core/contract/error";
import { validateRequest } from "#core/contract/parse-request";
import { codeOf } from "#core/manifest/manifest";
import { type OpenBlob, openContent } from "#platform/store/open-content";
import type { Quartermaster } from "../../sdk/quartermaster.ts";
import { print, printBytes, printJson } from "../terminal/print.ts";
import { terminalWidth } from "../terminal/terminal-text.ts";
import { detailsInWords } from "./format-details.ts";
import { type RunFlags, withRuns } from "./with-runs.ts";

/** Flags of `kgents show`. */
export interface ShowFlags extends RunFlags {
  readonly code?: true;
}

const fromStoreOf =
  (quartermaster: Quartermaster): OpenBlob =>
  async (sha256, bytes) => {
    const store = await quartermaster.store();
    if (store) return store.openBlob(sha256, bytes);
    throw new KgentsError("artifact-unavailable", "the code is in the artifact store, which is not available here");
  };

async function printCode(request: unknown, quartermaster: Quartermaster): Promise<void> {
  const content = codeOf(validateRequest(request));
  for await (const bytes of await openContent(fromStoreOf(quartermaster), content)) await printBytes("stdout", bytes);
}

/** `kgents show`. */
export const show = (id: string, flags: ShowFlags): Promise<number> =>
  withRuns(
    flags,
    async (quartermaster) => {
      const run = await (await quartermaster.get(id)).inspect();
      if (flags.code) {
        await printCode(run.request, quartermaster);
        return 0;
      }
      const ui = await quartermaster.uiUrl(run);
      if (flags.json) await printJson({ ...run, ui: ui ?? null }, 2);
      else await print(detailsInWords(run, ui, new Date(), terminalWidth()));
      return 0;
    },
    id,
  );
