/** Shows output while the code runs, each stream on its own. */
import { Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();

const handle = await quartermaster.start({
  language: "sh",
  code: "for i in 1 2 3; do echo line $i; sleep 0.5; done; echo done >&2",
});
for await (const event of handle.output()) {
  if (event.type === "output") process[event.stream].write(event.bytes);
}
const { status } = await handle.result();
console.log(status);
