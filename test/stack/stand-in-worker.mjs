// Replaces the worker's program: records how it was started, and behaves as the file next to it specifies.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const identityFile = process.argv[process.argv.indexOf("--identity-file") + 1];
const directory = dirname(identityFile);
const behaviour = (() => {
  try {
    return readFileSync(join(import.meta.dirname, "../../behaviour"), "utf8").trim();
  } catch {
    return "";
  }
})();

const write = (name, content) => {
  writeFileSync(join(directory, `${name}.draft`), JSON.stringify(content));
  renameSync(join(directory, `${name}.draft`), join(directory, name));
};

appendFileSync(
  join(directory, "starts"),
  `${JSON.stringify({ pid: process.pid, args: process.argv.slice(2), environment: process.env })}\n`,
);
if (behaviour === "fails") {
  console.error("cannot do it");
  process.exit(3);
}
write("worker-status.json", { pid: process.pid, activeRuns: behaviour === "busy" ? 2 : 0 });
write("worker-ready.json", { pid: process.pid });
setInterval(() => {}, 1 << 30);
