import type { Launcher } from "../launcher/launcher.ts";
import { killWaitedFor } from "./kill-children.ts";

/** How long killed processes may take to end, in milliseconds, before the whole sandbox is killed. */
const killPatience = 5000;
/** The time between two attempts to kill what the supervisor waits for, in milliseconds. */
const killInterval = 20;

/** Ends a program whose sandbox stays. */
export interface ProgramKiller {
  readonly kill: () => void;
  readonly wasUsed: () => boolean;
}

/**
 * Kills a program again and again until it is over, because the supervisor may be about to start a process of it.
 *
 * @param giveUp called if it does not end
 */
export function programKiller(launcher: Launcher, over: Promise<void>, giveUp: () => void): ProgramKiller {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clearInterval(timer);
  };
  over.then(end, end);
  return {
    kill: (): void => {
      if (timer !== undefined || isOver) return;
      const deadline = performance.now() + killPatience;
      const attempt = (): void => {
        launcher.group?.unthrottle();
        if (performance.now() > deadline || launcher.child.pid === undefined) giveUp();
        else killWaitedFor(launcher.child.pid);
      };
      timer = setInterval(attempt, killInterval);
      attempt();
    },
    wasUsed: () => timer !== undefined,
  };
}
