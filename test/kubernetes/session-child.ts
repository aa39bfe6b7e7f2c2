/** A worker that runs one program of a cell, and is killed by its test. Its argument is the JSON of {@link Orders}. */
import type { CellPlan } from "#cells/cell-plan";
import { createKubernetesProvider } from "#cells/kubernetes/provider";
import type { Program } from "#core/contract/cell-shape";
import { follow } from "./cell-programs.ts";

interface Orders {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly instance: string;
  readonly cell: CellPlan;
  readonly n: number;
  readonly program: Program;
}

const { cell, n, program, ...options }: Orders = JSON.parse(process.argv[2] ?? "{}");
const following = follow(createKubernetesProvider({ ...options, log: () => {} }), cell, n, program);
let told = 0;
setInterval(() => {
  const { stdout } = following.output();
  process.stdout.write(stdout.slice(told));
  told = stdout.length;
}, 50);
