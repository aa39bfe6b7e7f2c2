import type { Configuration } from "#core/configuration/configuration";
import type { Logger } from "#platform/host/logger";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { callMilliseconds, type WorkerConnections } from "./connect.ts";
import { type Rounds, startRounds } from "./rounds.ts";

/** The interval between rounds of expiry. */
const roundMilliseconds = 3_600_000;
/**
 * A round that another worker claimed this recently counts for this worker, too. Shorter than the interval, because
 * timers of different workers drift.
 */
const claimMilliseconds = 55 * 60_000;
/**
 * History is kept from the end of a run, but the age of an artifact counts from its last byte. The slack covers the
 * time in between: silent code (24 h), its start (1 h) and the clean-up.
 */
const slackMilliseconds = 26 * 3_600_000;

/** How long the namespace keeps the history of a closed run, in milliseconds. */
async function retentionOf({ client, namespace }: WorkerConnections): Promise<number | undefined> {
  const { config } = await client.withDeadline(Date.now() + callMilliseconds, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
  const seconds = config?.workflowExecutionRetentionTtl?.seconds;
  return seconds === undefined || seconds === null ? undefined : Number(seconds) * 1000;
}

/**
 * Removes artifacts when Temporal removes the history that refers to them: the namespace's retention applies to both.
 * Of all workers that share the store, one does a round.
 */
export function startExpiry(
  store: ArtifactStore,
  connections: WorkerConnections,
  { bucket }: Configuration["artifacts"],
  log: Logger,
): Rounds {
  let leavesRound = false;
  const round = async (): Promise<void> => {
    const retention = await retentionOf(connections);
    if (retention === undefined || retention === 0 || bucket?.expiry === "bucket") return;
    const longest = await store.agreeOnRetention(`${connections.address}/${connections.namespace}`, retention);
    if (leavesRound) {
      leavesRound = false;
      return;
    }
    // A worker that fails (for want of a right) would otherwise claim every round. After a failure it leaves the next
    // round to another worker.
    leavesRound = true;
    const isClaimed = await store.claimExpiry(claimMilliseconds);
    const removed = isClaimed ? await store.expire(new Date(Date.now() - longest - slackMilliseconds)) : 0;
    leavesRound = false;
    if (removed > 0) log.info({ removed }, "removed artifacts whose history has expired");
  };
  const carefully = (): Promise<void> =>
    round().catch((error) => log.warn({ error: String(error) }, "the expiry of artifacts failed"));
  return startRounds(carefully, roundMilliseconds, { atOnce: true });
}
