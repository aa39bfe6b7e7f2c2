import { interruptPatience } from "../../provider.ts";
import { interruptInside } from "./interrupt-inside.ts";

/** What {@link sessionStopper} does to a sandbox. */
export interface StoppedSandbox {
  /** The process outside of the sandbox, whose only child is the supervisor. */
  readonly bubblewrap: number | undefined;
  /** Prevents the start of a program whose script has not been sent. */
  readonly cancel: () => void;
  /** Kills every process of the sandbox but the supervisor. */
  readonly killAll: () => void;
  /** Ends the collection of output files. */
  readonly endCollection: () => void;
}

/** Ends one program of a session. */
export interface SessionStopper {
  /** Interrupts the program, and kills everything if it does not end. */
  readonly stop: () => void;
  /** Only interrupts it. Returns false if it does not run. */
  readonly interrupt: () => boolean;
  /** Called when everything that starts the program is sent. */
  readonly begun: () => void;
  /** Called with the number that the program's process has inside. */
  readonly started: (process: number) => void;
  /** Called when the program has ended. */
  readonly exited: () => void;
  readonly stoppedBy: () => "interrupt" | "kill" | undefined;
}

/**
 * Stops a program of a session by an interrupt, so that the other processes of its cell go on, and otherwise by killing
 * all of them: nothing tells those of the program from the others.
 *
 * @param isCall whether the program is a call of the kernel, which passes the interrupt on
 */
export function sessionStopper(
  { bubblewrap, cancel, killAll, endCollection }: StoppedSandbox,
  isCall: boolean,
): SessionStopper {
  let state: "new" | "begun" | "exited" = "new";
  let inside: number | undefined;
  let isInterruptDue = false;
  let stoppedBy: "interrupt" | "kill" | undefined;
  let clock: NodeJS.Timeout | undefined;
  const interrupt = (): boolean => {
    if (state !== "begun") return false;
    isInterruptDue = inside === undefined;
    if (inside !== undefined && bubblewrap !== undefined) interruptInside(bubblewrap, inside, isCall);
    return true;
  };
  const kill = (): void => {
    stoppedBy = "kill";
    killAll();
  };
  return {
    stop: () => {
      if (state === "new") cancel();
      else if (state === "exited") endCollection();
      else if (stoppedBy === undefined) {
        stoppedBy = "interrupt";
        interrupt();
        clock = setTimeout(kill, interruptPatience);
      }
    },
    interrupt,
    begun: () => {
      state = "begun";
    },
    started: (process) => {
      inside = process;
      if (isInterruptDue) interrupt();
    },
    exited: () => {
      state = "exited";
      clearTimeout(clock);
    },
    stoppedBy: () => stoppedBy,
  };
}
