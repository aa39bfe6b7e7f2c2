/** The tests' tools in Go: the parsers of Prometheus, and the OTLP receiver of the OpenTelemetry collector. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOrFail } from "../cluster/native/run.ts";
import { cached, contentKey } from "../support/cached.ts";

const sources = fileURLToPath(new URL("./go", import.meta.url));

/** The program with the tools; built once for this machine. */
export async function buildTools(): Promise<string> {
  const key = await contentKey([sources], [await runOrFail(["go", "env", "GOVERSION", "GOARCH"])]);
  const directory = await cached(`observability-${key}`, async (draft) => {
    await runOrFail(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", join(draft, "tools"), "."], {
      directory: sources,
      environment: { CGO_ENABLED: "0" },
    });
  });
  return join(directory, "tools");
}
