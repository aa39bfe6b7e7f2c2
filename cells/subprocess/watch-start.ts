import type { ProgramContext } from "../provider.ts";

/** The context of a program, and whether the program may have started. */
export interface WatchedStart {
  readonly context: ProgramContext;
  readonly mayHaveRun: () => boolean;
}

/** Notes when a program starts. Only one that has certainly not started may be started again. */
export function watchStart(context: ProgramContext): WatchedStart {
  let mayHaveRun = false;
  const started = (): void => {
    mayHaveRun = true;
    context.started();
  };
  return { context: { ...context, started }, mayHaveRun: () => mayHaveRun };
}
