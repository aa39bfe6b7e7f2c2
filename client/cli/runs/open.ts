import { once } from "node:events";
import { KgentsError } from "#core/contract/error";
import { lookForProgram } from "#platform/host/find-program";
import { programEnvironment } from "#platform/host/program-environment";
import { startProgram } from "#platform/host/run-program";
import { print, printJson } from "../terminal/print.ts";
import { type RunFlags, withRuns } from "./with-runs.ts";

/** Flags of `kgents open`. */
export interface OpenFlags extends RunFlags {
  readonly browser: boolean;
}

/** The system's program that opens an address; undefined without a display. */
function openerOf(environment: NodeJS.ProcessEnv): string | undefined {
  if (process.platform === "darwin") return "open";
  return environment.DISPLAY || environment.WAYLAND_DISPLAY ? "xdg-open" : undefined;
}

/** Environment variables that a browser needs to reach the user's desktop. */
const desktopNames = [
  ...["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_*", "DBUS_SESSION_BUS_ADDRESS"],
  ...["BROWSER", "DE", "DESKTOP_SESSION", "GNOME_*", "KDE_*"],
];

/** `kgents open`. */
export const open = (id: string | undefined, flags: OpenFlags): Promise<number> =>
  withRuns(
    flags,
    async (quartermaster, reporter) => {
      const url = await quartermaster.uiUrl(id === undefined ? undefined : await quartermaster.get(id));
      if (url === undefined) {
        throw new KgentsError("not-found", "the address of this Temporal server's UI is unknown", {
          remedy: "Set KGENTS_UI_URL to the UI's address.",
        });
      }
      await (flags.json ? printJson({ url }) : print(`${url}\n`));
      const opener = flags.browser ? openerOf(process.env) : undefined;
      if (opener === undefined) return 0;
      const { path: program, refused } = await lookForProgram(opener);
      if (program === undefined) {
        reporter.say(`no browser was opened: ${refused[0] ?? `there is no ${opener} on PATH`}`);
        return 0;
      }
      const environment = await programEnvironment(process.env, desktopNames);
      const child = startProgram(program, [url], { environment, stdio: "ignore", detached: true });
      // Not an error: the address is printed above and can be opened by hand.
      await once(child, "spawn").catch((error: Error) => reporter.say(`no browser was opened: ${error.message}`));
      child.unref();
      return 0;
    },
    id,
  );
