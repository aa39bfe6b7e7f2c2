/**
 * Bundles the workflow code during the build, because doing it at worker start would cost 0.7 s each time.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger } from "@temporalio/worker";

const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL("../workflows/index.js", import.meta.url)),
  workflowInterceptorModules: [fileURLToPath(new URL("../workflows/interceptors.js", import.meta.url))],
  logger: new DefaultLogger("WARN"),
});
await writeFile(new URL("./workflow-bundle.js", import.meta.url), code);
