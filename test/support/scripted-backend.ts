import type { Backend, CellOutcome, CellPlan, ExecuteContext, OwnedCell } from "#cells/provider";
import type { BackendName, Enforcement, Isolation } from "#core/contract/result";

const enforced: Enforcement = { enforced: true, by: "the test" };

/** An isolation for tests of the workflow's use of it. */
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

/** The outcome of code that exited with 0, with changes. */
export const outcome = (changes: Partial<CellOutcome> = {}): CellOutcome => ({
  exit: { code: 0, signal: null },
  outOfMemory: false,
  lost: null,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
  ...changes,
});

/** The calls of a {@link scriptedBackend}, in order. */
export interface ScriptedBackend extends Backend {
  readonly calls: string[];
}

/**
 * A backend with scripted behaviour, for cluster failures that cannot be caused at will. The sandbox is tested with the
 * real backend.
 */
export function scriptedBackend(
  name: BackendName,
  script: {
    available?: boolean;
    hostBound?: boolean;
    /** Whether its cells belong to a cluster and are removed by reapCell. */
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
      // A script that throws means that the code was not started, unless it called `started` itself.
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
