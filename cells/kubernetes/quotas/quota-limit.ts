import { cellPod } from "#core/manifest/cell-pod";
import { podWithTemplate } from "#core/manifest/pod-template";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import type { CellPlan } from "../../cell-plan.ts";
import type { PlacementLimit } from "../../placement/placement.ts";
import type { OwnCells } from "../api/own-cells.ts";
import type { PodWatch } from "../api/pod-watch.ts";
import { type Amounts, amountsOf, neverFits, shortageOf } from "./quota.ts";
import { quotaReader, type Reading } from "./quota-readings.ts";

/** How long after a cell's start-up time its pod is no longer expected, in milliseconds. */
const lateMilliseconds = 10_000;

/** An admitted cell. */
interface Entry {
  readonly amounts: Amounts;
  /** When its pod is no longer expected, as `performance.now()`. */
  readonly until: number;
  /** When its pod appeared. A reading of the quotas that began later includes it. */
  podSince?: number;
}

const isOver = (phase: string | undefined): boolean => phase === "Succeeded" || phase === "Failed";

/** The quotas of the namespace, as a limit of claims. */
export interface QuotaLimit extends PlacementLimit {
  /** The cells that this worker admitted and that are still alive, even if another worker follows them now. */
  readonly admitted: () => readonly string[];
}

/**
 * Decides whether the namespace's quotas admit another cell.
 *
 * A quota counts a pod once it is created, some time after its Job. Until then this worker counts it. Cells that other
 * workers admit at the same time are unknown: then a cell's pod is refused, and its run waits again.
 */
export function quotaLimit(
  connect: () => Promise<OwnCells>,
  log: (line: string) => void,
  podTemplate?: PodTemplate,
): QuotaLimit {
  const entries = new Map<string, Entry>();
  const admitted = new Set<string>();
  const readQuotas = quotaReader(log);
  let pods: PodWatch | undefined;
  let newest: Reading | undefined;
  const watchEntries = ({ watch }: OwnCells): void => {
    if (pods) return;
    pods = watch;
    watch.onChange((cellId) => {
      const entry = entries.get(cellId);
      if (entry) entry.podSince ??= performance.now();
    });
  };

  const amounts = ({ shape }: CellPlan): Amounts => amountsOf(podWithTemplate(cellPod(shape), podTemplate));

  return {
    /** @throws KgentsError if the quotas cannot be read. Without the permission to read them they admit every cell. */
    read: async () => {
      const own = await connect();
      watchEntries(own);
      newest = await readQuotas(own);
    },
    refusal: (plan) => {
      const { begun, quotas } = newest ?? { begun: 0, quotas: [] };
      // Admit a cell again only if it has a pod: an entry alone may belong to an attempt whose pod was refused.
      if ((pods?.podsOf(plan.cellId).length ?? 0) > 0) return undefined;
      entries.delete(plan.cellId);
      const now = performance.now();
      for (const [id, { podSince = now, until }] of entries) {
        if (podSince < begun || until < now) entries.delete(id);
      }
      const pending = [...entries.values()].map((entry) => entry.amounts);
      const shortage = shortageOf(quotas, amounts(plan), pending);
      if (shortage?.always) throw neverFits(shortage);
      return shortage?.reason;
    },
    admit: (plan) => {
      if ((pods?.podsOf(plan.cellId).length ?? 0) > 0) return;
      const until = performance.now() + plan.shape.startupTimeout + lateMilliseconds;
      entries.set(plan.cellId, { amounts: amounts(plan), until });
      admitted.add(plan.cellId);
    },
    admitted: () => {
      // Before its first list the watch knows no pods, so their absence proves nothing.
      if (pods?.isComplete() === false) return [...admitted];
      for (const cellId of admitted) {
        const lives = pods?.podsOf(cellId).some(({ status }) => !isOver(status?.phase));
        const entry = entries.get(cellId);
        const toCome = entry?.podSince === undefined && (entry?.until ?? 0) > performance.now();
        if (!lives && !toCome) admitted.delete(cellId);
      }
      return [...admitted];
    },
    release: (cellId) => {
      // If its pod exists, keep the entry until the next reading, which shows whether the pod still counts.
      if (entries.get(cellId)?.podSince === undefined) entries.delete(cellId);
    },
  };
}
