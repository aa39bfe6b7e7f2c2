/** Ends a run that takes too long for us: by its handle, or by an AbortSignal. What it wrote so far is kept. */
import { Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();
const endless = { language: "sh", code: "echo begun; sleep 600", timeout: "15m" };

const handle = await quartermaster.start(endless);
for await (const event of handle.output()) if (event.type === "output") break;
await handle.cancel();
const cancelled = await handle.result();
console.log(cancelled.status, JSON.stringify(cancelled.stdout.text));

const aborted = await quartermaster.execute(endless, { signal: AbortSignal.timeout(1000) });
console.log(aborted.status);
