/**
 * Measures what kgents promises, as ratios against a peer in the same run:
 * `npm run bench [-- overhead|cli|doors|batch|memory|kubernetes|production|footprint]`.
 * Results and how to read them: docs/performance.md.
 *
 * @module
 */
import { measureBatch } from "./batch.ts";
import { measureCommandLine } from "./command-line.ts";
import { measureDoors } from "./doors.ts";
import { measureKubernetes } from "./kubernetes.ts";
import { measureMemory } from "./memory.ts";
import { measureOverhead } from "./overhead.ts";
import { measureFootprint, measureProduction } from "./production.ts";
import { tools } from "./stack.ts";

const wanted = process.argv.slice(2);
const sections = {
  overhead: measureOverhead,
  cli: measureCommandLine,
  doors: measureDoors,
  batch: measureBatch,
  memory: measureMemory,
  kubernetes: measureKubernetes,
  production: measureProduction,
  footprint: measureFootprint,
};
const binaries = await tools();
for (const [name, measure] of Object.entries(sections)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n## ${name}\n`);
  for await (const line of measure(binaries)) process.stdout.write(`${line}\n`);
}
