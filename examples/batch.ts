/** Runs many programs, a few at a time, and prints what became of each in the order in which they were asked for. */
import { Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();

const requests = ["2 + 2", "6 * 7", "1 / 0"].map((expression) => ({ code: `print(${expression})` }));
for await (const { index, result, failure } of quartermaster.batch(requests, { concurrency: 2 })) {
  console.log(index, result ? `${result.status} ${result.stdout.text.trim()}` : failure?.message);
}
