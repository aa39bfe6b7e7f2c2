/** Builds a Job step by step, looks at what it would be on a cluster, and runs it. */
import { JobBuilder, Quartermaster } from "kgents";

const job = new JobBuilder("exec")
  .withCode("print('hello')")
  .withLimits({ cpu: "200m", memory: "256Mi" })
  .withTimeout(30)
  .withLabel("team", "research")
  .build();

const preview = new Quartermaster({ mode: "dry-run" });
const { manifest } = await preview.execute(job.request);
console.log(manifest.kind, manifest.metadata.name, manifest.metadata.labels.team);

await using quartermaster = new Quartermaster();
const { status, stdout } = await quartermaster.execute(job.request);
console.log(status, JSON.stringify(stdout.text));
