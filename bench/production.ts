import { setTimeout as delay } from "node:timers/promises";
import { buildPrograms } from "../test/production/programs.ts";
import { type ProductionStack, startProductionStack } from "../test/production/stack.ts";
import { runOrFail } from "../test/support/run.ts";
import { kgentsEntry } from "../test/support/worker-process.ts";
import { type BenchStack, startBenchStack } from "./stack.ts";
import { type Comparison, inPairs, throughput, timed } from "./statistics.ts";

const line = (what: string, { ours, peer, ratio }: Comparison, unit: string): string =>
  `${what}: PostgreSQL ${ours.toFixed(1)} ${unit}, tuned development server ${peer.toFixed(1)} ${unit}, ratio ${ratio.toFixed(2)}`;

interface Tools {
  readonly temporal: string;
  readonly bubblewrap: string;
}

/** The number of runs over which rows and bytes are counted. */
const countedRuns = 400;
/** Temporal's databases. */
const databases = ["temporal", "temporal_visibility"];

interface Footprint {
  /** By table. */
  readonly rows: ReadonlyMap<string, number>;
  /** Tables and indexes, without free space. */
  readonly bytes: number;
}

/** What has been written since the database cluster was created. */
async function written({ postgres }: ProductionStack): Promise<{ logBytes: number; transactions: number }> {
  const [[logBytes, transactions] = []] = await postgres.query(
    "postgres",
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), sum(xact_commit) from pg_stat_database where datname in ('${databases.join("', '")}')`,
  );
  return { logBytes: Number(logBytes), transactions: Number(transactions) };
}

/** The exact contents of the databases, without rows that were deleted since. */
async function footprint({ postgres }: ProductionStack): Promise<Footprint> {
  const rows = new Map<string, number>();
  let bytes = 0;
  for (const database of databases) {
    await postgres.query(database, "vacuum full");
    const tables = await postgres.query(
      database,
      "select relname, pg_total_relation_size(relid) from pg_stat_user_tables order by relname",
    );
    for (const [name = "", size] of tables) {
      const [[count] = []] = await postgres.query(database, `select count(*) from ${name}`);
      rows.set(`${database}.${name}`, Number(count));
      bytes += Number(size);
    }
  }
  return { rows, bytes };
}

/** The server removes the tasks of finished runs every 30 s. */
async function untilTasksAreRemoved({ postgres }: ProductionStack): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await delay(1000)) {
    const [[count] = []] = await postgres.query(
      "temporal",
      "select (select count(*) from transfer_tasks) + (select count(*) from visibility_tasks)",
    );
    if (Number(count) < 20) return;
  }
}

/** Starts the production server with the namespace `default`, and workers beside it. */
async function startProduction(binaries: Tools): Promise<{ production: ProductionStack; stack: BenchStack }> {
  const programs = await buildPrograms((text) => process.stderr.write(`bench: ${text}\n`));
  // Without TLS, like the development server.
  const production = await startProductionStack(programs, { profile: "dev" });
  await runOrFail([process.execPath, kgentsEntry, ...production.setupArguments, "--namespace", "default"], {
    environment: { ...production.environment },
  });
  return { production, stack: await startBenchStack(binaries, { server: production }) };
}

/** Measures what a run of `true` leaves in PostgreSQL, and what it costs to write. */
export async function* measureFootprint(binaries: Tools): AsyncGenerator<string> {
  const { production, stack } = await startProduction(binaries);
  await using _ours = stack;
  await untilTasksAreRemoved(production);
  const before = { ...(await footprint(production)), ...(await written(production)) };
  await throughput(countedRuns, 10, stack.runTrue);
  await untilTasksAreRemoved(production);
  // Read this first: reading the tables also writes to them.
  const after = { ...(await written(production)), ...(await footprint(production)) };
  const each = (now: number, then: number, digits = 1): string => ((now - then) / countedRuns).toFixed(digits);
  yield `a run of \`true\`, over ${countedRuns}: ${each(after.bytes, before.bytes, 0)} bytes of tables and indexes, ${each(after.logBytes, before.logBytes, 0)} bytes of write-ahead log, ${each(after.transactions, before.transactions)} transactions`;
  const total = ({ rows }: Footprint): number => [...rows.values()].reduce((sum, count) => sum + count, 0);
  yield `rows that it leaves: ${each(total(after), total(before), 2)}, of which ${[...after.rows]
    .map(([name, count]) => [name, each(count, before.rows.get(name) ?? 0, 2)] as const)
    .filter(([, count]) => Math.abs(Number(count)) >= 0.05)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ")}`;
  const runs = stack.client.workflow.list({ query: "WorkflowType = 'executeCode'", pageSize: 1 });
  for await (const { workflowId } of runs) {
    const { historyLength, historySize } = await stack.client.workflow.getHandle(workflowId).describe();
    yield `its history: ${historyLength} events, ${historySize} bytes`;
    return;
  }
}

/**
 * Compares runs on the production server on PostgreSQL with runs on the tuned development server, both warm, in turn.
 */
export async function* measureProduction(binaries: Tools): AsyncGenerator<string> {
  const { stack: ours } = await startProduction(binaries);
  await using _ours = ours;
  await using peer = await startBenchStack(binaries);
  const latency = await inPairs(
    60,
    10,
    () => timed(ours.runTrue),
    () => timed(peer.runTrue),
  );
  yield line("executeCode of `true`, p50", latency, "ms");
  for (const inFlight of [10, 50]) {
    const rates = await inPairs(
      5,
      1,
      () => throughput(100, inFlight, ours.runTrue),
      () => throughput(100, inFlight, peer.runTrue),
    );
    yield line(`the same, ${inFlight} in flight`, rates, "runs/s");
  }
}
