import type { Backend, CellOutcome, CellPlan, ExecuteContext, OwnedCell } from "#cells/provider";
import type { BackendName, Enforcement, Isolation } from "#core/contract/result";

const enforced: Enforcement = { enforced: true, by: "the test" };

/** An isolation for tests of what the workflow does with one. */
export const scriptedIsolation: Isolation = {
  level: "cluster",
  mechanism: "scripted",
  network: enforced,
  filesystem: enforced,
  user: enforced,
  syscalls: enforced,
  memory: enforced,
  cpu: enforced,
  pids: enforced,
  disk: enforced,
  openFiles: enforced,
  output: enforced,
  wallClock: enforced,
};

/** An outcome of code that exited with 0, with changes. */
export const outcome = (changes: Partial<CellOutcome> = {}): CellOutcome => ({
  exit: { code: 0, signal: null },
  outOfMemory: false,
  lost: null,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
  ...changes,
});

/** What a {@link scriptedBackend} was asked to do, in order. */
export interface ScriptedBackend extends Backend {
  readonly calls: string[];
}

/**
 * A backend that does as it is told: for failures of a cluster, which this real backend cannot have. What the
 * sandbox does is tested on the sandbox.
 */
export function scriptedBackend(
  name: BackendName,
  script: {
    available?: boolean;
    hostBound?: boolean;
    /** Whether it has cells of a cluster, which reapCell looks after. */
    cluster?: boolean;
    provision?: (plan: CellPlan) => Promise<void> | void;
    execute?: (plan: CellPlan, context: ExecuteContext) => Promise<CellOutcome> | CellOutcome;
    release?: () => Promise<void> | void;
    cleanUp?: (cellId: string) => Promise<void> | void;
  },
): ScriptedBackend {
  const calls: string[] = [];
  const owned = new Map<string, OwnedCell>();
  const available = script.available ?? true;
  return {
    name,
    calls,
    hostBound: script.hostBound ?? false,
    status: async () => ({ available, summary: available ? "scripted" : "the cluster is away", isolation: null }),
    provision: async (plan) => {
      calls.push("provision");
      await script.provision?.(plan);
      const { cellId, owner } = plan;
      owned.set(cellId, { cellId, ...owner, createdAt: new Date(), finished: false });
      return { isolation: scriptedIsolation };
    },
    execute: async (plan, context) => {
      calls.push("execute");
      // A script that throws means code that was not started, unless it says `started` itself.
      const ended = (await script.execute?.(plan, context)) ?? outcome();
      context.started();
      return ended;
    },
    cleanUp: async (cellId) => {
      calls.push("cleanUp");
      await script.cleanUp?.(cellId);
    },
    ...(script.cluster && {
      cluster: {
        room: async () => () => undefined,
        admitted: () => [],
        giveBack: () => {},
        release: async () => {
          calls.push("release");
          await script.release?.();
        },
        discard: async () => true,
        find: async (cellId) => owned.get(cellId) ?? null,
        list: async () => [...owned.values()],
      },
    }),
    sweep: async () => 0,
    close: async () => {},
  };
}
