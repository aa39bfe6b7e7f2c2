/** `npm run cluster:up | cluster:down | cluster:status`. */
import { chooseProvider } from "./choose.ts";
import { connectCluster } from "./cluster.ts";

const progress = (line: string): void => console.error(`cluster: ${line}`);
const provider = await chooseProvider();
const verb = process.argv[2];

if (verb === "up") {
  const started = await provider.up(progress);
  const description = await provider.describe();
  progress(started ? "is up" : "was up already");
  console.log(description?.kubeconfig);
} else if (verb === "down") {
  await provider.down();
  progress(provider.kind === "given" ? "is not ours to bring down" : "is down");
} else if (verb === "status") {
  const description = await provider.describe();
  const answer = description && (await connectCluster(description).kubectl(["get", "nodes", "-o", "wide"]));
  if (answer === undefined) progress(`is not up (${provider.kind})`);
  else process.stdout.write(`${provider.kind}: ${description?.kubeconfig}\n${answer.stdout}${answer.stderr}`);
  process.exitCode = answer?.code ?? 1;
} else {
  console.error("usage: main.ts up | down | status");
  process.exitCode = 2;
}
