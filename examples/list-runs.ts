/** Finds runs again by their labels, whoever started them, and looks at each. */
import { randomUUID } from "node:crypto";
import { Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();
const labels = { batch: randomUUID() };
await Promise.all(["print('hello')", "exit(3)"].map((code) => quartermaster.execute({ code, labels })));

const lines: string[] = [];
for await (const { id, title } of quartermaster.list({ labels })) {
  const { status, result } = await (await quartermaster.get(id)).inspect();
  lines.push(`${status} ${title} ${result?.exitCode}`);
}
console.log(lines.sort().join("\n"));
