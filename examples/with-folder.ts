/** Gives code a whole folder, and runs one of its files. */
import { fileURLToPath } from "node:url";
import { filesFrom, Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();

// With the name `.`, what is in the folder lies in the work directory itself; without, in a folder `project`.
const files = await filesFrom(fileURLToPath(new URL("project", import.meta.url)), { name: "." });
console.log(files.map(({ name }) => name).join(" "));

const { stdout } = await quartermaster.execute({ files, entrypoint: "main.py", args: ["you"] });
console.log(stdout.text.trimEnd());
