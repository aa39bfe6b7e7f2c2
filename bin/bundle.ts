/**
 * Bundles the command line when kgents is built: loading 900 small files takes longer than all that a warm `exec` does.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const bundle = await rolldown({
  input: here("./kgents.js"),
  platform: "node",
  // The worker keeps its own files: it has native code, and starts once. The client of Kubernetes is 17 MB, and few need it.
  external: (id) =>
    id.startsWith("node:") ||
    /\/worker\/[^/]+\.js$/.test(id) ||
    /^@(?:temporalio\/worker|kubernetes\/client-node)/.test(id),
  checks: { ineffectiveDynamicImport: false },
});
await bundle.write({
  // The path of the program is part of what users have configured (package.json's `bin`, MCP clients), and stays.
  dir: here("../client/cli/"),
  paths: (id) => id.replace(here("../"), "../../"),
  format: "esm",
  entryFileNames: "main.js",
  chunkFileNames: "chunk-[name]-[hash].js",
  minify: "dce-only",
});
await bundle.close();
