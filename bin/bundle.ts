/**
 * Bundles the command line and the worker at build time: loading a thousand small files takes longer than the rest of a
 * warm `exec`, and about half of the processor time of a worker's start.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type InputOptions, type Plugin, rolldown } from "rolldown";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Writes a bundle to a folder of the build. */
async function write(
  folder: string,
  options: Pick<InputOptions, "input" | "external" | "plugins">,
  format: "esm" | "cjs" = "esm",
): Promise<void> {
  const bundle = await rolldown({ ...options, platform: "node", checks: { ineffectiveDynamicImport: false } });
  const extension = format === "cjs" ? "cjs" : "js";
  await bundle.write({
    dir: here(folder),
    paths: (id) => id.replace(here("../"), "../../"),
    format,
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `chunk-[name]-[hash].${extension}`,
    minify: "dce-only",
  });
  await bundle.close();
}

/** The Kubernetes client has 17 MB, and is loaded only where there is a cluster. */
const clusterClient = /^@kubernetes\/client-node/;

/**
 * What the program imports on demand from other bundles: the command line, for `kgents worker` the worker, and for
 * `kgents operator` the operator and the part of the worker that records rollouts.
 */
const otherBundles = new Map([
  ["#client/cli/program", here("../client/cli/program.cjs")],
  ["#worker/command", here("../worker/bundle/command.js")],
  ["#operator/command", here("../operator/bundle/command.js")],
  ["#worker/rollouts/record-rollouts", here("../worker/bundle/record-rollouts.js")],
]);

await write("../client/cli/", {
  // This path must not change: package.json's `bin` and the configuration of MCP clients contain it.
  input: { main: here("./kgents.js") },
  external: (id) => id.startsWith("node:"),
  plugins: [
    {
      name: "other-bundles",
      resolveId: (id) => {
        const path = otherBundles.get(id);
        return path === undefined ? undefined : { id: path, external: "absolute" };
      },
    },
  ],
});

// CommonJS, because Node loads a chunk of it in half of the time that it needs for an ES module.
await write(
  "../client/cli/",
  {
    input: { program: here("../client/cli/program.js") },
    external: (id) => id.startsWith("node:") || clusterClient.test(id),
  },
  "cjs",
);

await write("../operator/bundle/", {
  input: { command: here("../operator/command.js") },
  external: (id) => id.startsWith("node:") || clusterClient.test(id),
});

/**
 * Native code, and the tools that make a bundle of workflows, which the build has made already. `source-map` loads a file
 * beside its own.
 */
const workerExternals = /^(?:@temporalio\/core-bridge|webpack|@swc\/core|swc-loader|source-map|memfs|unionfs)/;

/**
 * Temporal's worker resolves this file when it is loaded, for making bundles of workflows only. In the bundle there is
 * no such file.
 */
const withoutWorkflowBundler: Plugin = {
  name: "without-workflow-bundler",
  transform: {
    filter: { id: /@temporalio\/worker\/lib\/workflow\/bundler\.js$/ },
    handler: (code) => {
      const resolved = "require.resolve('../workflow-log-interceptor')";
      if (!code.includes(resolved)) throw new Error(`@temporalio/worker no longer contains ${resolved}`);
      return code.replace(resolved, '"@temporalio/worker/lib/workflow-log-interceptor"');
    },
  },
};

await write("../worker/bundle/", {
  input: {
    main: here("../worker/main.js"),
    command: here("../worker/command.js"),
    "record-rollouts": here("../worker/rollouts/record-rollouts.js"),
    // Temporal's worker starts this file, which it expects beside its own, in a thread.
    "workflow-worker-thread": fileURLToPath(
      import.meta.resolve("@temporalio/worker/lib/workflow/workflow-worker-thread"),
    ),
  },
  external: (id) => id.startsWith("node:") || clusterClient.test(id) || workerExternals.test(id),
  plugins: [withoutWorkflowBundler],
});
