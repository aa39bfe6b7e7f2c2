/**
 * Bundles the command line at build time: loading 900 small files takes longer than the rest of a warm `exec`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const bundle = await rolldown({
  input: here("./kgents.js"),
  platform: "node",
  // The worker is not bundled: it has native code and starts once. The Kubernetes client has 17 MB, and few commands
  // need it.
  external: (id) =>
    id.startsWith("node:") ||
    /\/worker\/[^/]+\.js$/.test(id) ||
    /^@(?:temporalio\/worker|kubernetes\/client-node)/.test(id),
  checks: { ineffectiveDynamicImport: false },
});
await bundle.write({
  // This path must not change: package.json's `bin` and the configuration of MCP clients contain it.
  dir: here("../client/cli/"),
  paths: (id) => id.replace(here("../"), "../../"),
  format: "esm",
  entryFileNames: "main.js",
  chunkFileNames: "chunk-[name]-[hash].js",
  minify: "dce-only",
});
await bundle.close();
