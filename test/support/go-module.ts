import { join } from "node:path";
import { cached, contentKey } from "./cached.ts";
import { runOrFail } from "./run.ts";

/** Programs of a Go module. */
export interface GoPrograms {
  /** What their directory in the cache is called. */
  readonly name: string;
  /** Where the module's go.mod is. */
  readonly directory: string;
  /** The packages by the programs' names. */
  readonly programs: Readonly<Record<string, string>>;
  readonly environment?: NodeJS.ProcessEnv;
  /** Called where they are not there yet. */
  readonly onBuild?: () => void;
}

/**
 * Builds programs of a Go module: once for this machine, and again when what they are made from changes. Returns their directory.
 *
 * @throws where this machine has no Go
 */
export async function buildGoPrograms(settings: GoPrograms): Promise<string> {
  const { name, directory, programs, environment = {}, onBuild = () => {} } = settings;
  const goVersion = await runOrFail(["go", "env", "GOVERSION", "GOARCH"]);
  return cached(`${name}-${await contentKey([directory], [goVersion])}`, async (draft) => {
    onBuild();
    for (const [program, place] of Object.entries(programs)) {
      const output = join(draft, program);
      await runOrFail(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", output, place], {
        directory,
        environment,
      });
    }
  });
}
