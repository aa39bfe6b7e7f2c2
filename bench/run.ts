/**
 * Measures kgents' performance as ratios to a peer in the same run: `npm run bench [--
 * overhead|cli|doors|batch|memory|kubernetes|operator|production|footprint|sessions]`. `batch 10000` runs one batch of that size
 * instead of the comparison. Results and how to read them: docs/performance.md.
 *
 * @module
 */
import { measureBatch } from "./batch.ts";
import { measureCommandLine } from "./command-line.ts";
import { measureDoors } from "./doors.ts";
import { measureKubernetes } from "./kubernetes.ts";
import { measureLargeBatch } from "./large-batch.ts";
import { measureMemory } from "./memory.ts";
import { measureOperator } from "./operator.ts";
import { measureOverhead } from "./overhead.ts";
import { measureFootprint, measureProduction } from "./production.ts";
import { measureSessions } from "./sessions.ts";
import { tools } from "./stack.ts";

type Tools = Awaited<ReturnType<typeof tools>>;

const isNumber = (word: string): boolean => /^\d+$/.test(word);
const wanted = process.argv.slice(2).filter((word) => !isNumber(word));
const size = process.argv.slice(2).find(isNumber);
const sections = {
  overhead: measureOverhead,
  cli: measureCommandLine,
  doors: measureDoors,
  batch: size === undefined ? measureBatch : (found: Tools) => measureLargeBatch(found, Number(size)),
  memory: measureMemory,
  kubernetes: measureKubernetes,
  operator: measureOperator,
  production: measureProduction,
  footprint: measureFootprint,
  sessions: measureSessions,
};
const binaries = await tools();
for (const [name, measure] of Object.entries(sections)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n## ${name}\n`);
  for await (const line of measure(binaries)) process.stdout.write(`${line}\n`);
}
