/** The tests' tools in Go: the parsers of Prometheus, and the OTLP receiver of the OpenTelemetry collector. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGoPrograms } from "../support/go-module.ts";

const sources = fileURLToPath(new URL("./go", import.meta.url));

/** The directory of the tools, built once for this machine. */
export async function buildTools(): Promise<string> {
  const directory = await buildGoPrograms({
    name: "observability",
    directory: sources,
    programs: { tools: "." },
    environment: { CGO_ENABLED: "0" },
  });
  return join(directory, "tools");
}
