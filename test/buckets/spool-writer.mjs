// A process that opens a store, and writes to it on a line of stdin. It never closes an artifact itself.
import { createInterface } from "node:readline";
import { openBucketStore } from "../../platform/store/bucket/bucket-store.ts";

const [settings, directory] = process.argv.slice(2);
const store = await openBucketStore(JSON.parse(settings), { directory });
process.stdout.write("open\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { reference, content } = JSON.parse(line);
  store.write(reference).end(content, () => process.stdout.write("written\n"));
}
