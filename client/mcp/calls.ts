import { KgentsError } from "#core/contract/error";

/** The tool calls in progress, so that stopping the server also cancels them. */
export interface Calls {
  /** Carries out a call; its signal is aborted when the client cancels it, and when the server ends. */
  readonly run: <Answer>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>;
  /** Cancels all calls, and waits until their runs have cleaned up. */
  readonly end: () => Promise<void>;
}

/** Creates the set of calls. */
export function createCalls(): Calls {
  const ending = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    run: async (signal, work) => {
      const answer = work(AbortSignal.any([signal, ending.signal]));
      running.add(answer);
      try {
        return await answer;
      } finally {
        running.delete(answer);
      }
    },
    end: async () => {
      ending.abort(new KgentsError("terminated", "the MCP server is ending; nothing was started"));
      await Promise.allSettled(running);
    },
  };
}
