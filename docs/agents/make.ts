/** Writes the definition of Agents and its reference page. A test says when they are not what the code has. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { agentFiles } from "./files.ts";

const root = join(import.meta.dirname, "../..");

for (const [path, text] of Object.entries(agentFiles())) await writeFile(join(root, path), text);
