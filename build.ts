/**
 * Writes dist/package.json with the subpath imports of the built files. Node.js resolves them from the nearest
 * package.json, so `#core/error` is core/contract/error.ts for a source and dist/core/contract/error.js for a built
 * file.
 *
 * @module
 */
import { readFile, writeFile } from "node:fs/promises";

const { type, imports } = JSON.parse(await readFile("package.json", "utf8"));
const built = Object.entries<string>(imports).map(([name, path]) => [name, path.replace(/\.ts$/, ".js")]);
await writeFile("dist/package.json", `${JSON.stringify({ type, imports: Object.fromEntries(built) }, null, 2)}\n`);
