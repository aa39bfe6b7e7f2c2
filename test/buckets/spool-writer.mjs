// A process that opens a store, and writes to it when a line on its stdin says so. It ends nothing by itself.
import { createInterface } from "node:readline";
import { openBucketStore } from "../../platform/store/bucket/bucket-store.ts";

const [settings, directory] = process.argv.slice(2);
const store = await openBucketStore(JSON.parse(settings), { directory });
process.stdout.write("open\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { reference, content } = JSON.parse(line);
  store.write(reference).end(content, () => process.stdout.write("written\n"));
}
