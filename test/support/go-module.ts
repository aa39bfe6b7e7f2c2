import { join } from "node:path";
import { cached, contentKey } from "./cached.ts";
import { runOrFail } from "./run.ts";

/** Programs of a Go module. */
export interface GoPrograms {
  /** The name of their directory in the cache. */
  readonly name: string;
  /** The directory of the module's go.mod. */
  readonly directory: string;
  /** The packages by the programs' names. */
  readonly programs: Readonly<Record<string, string>>;
  readonly environment?: NodeJS.ProcessEnv;
  /** Called before a build. */
  readonly onBuild?: () => void;
}

/**
 * Builds programs of a Go module once for this machine, and again when their sources change. Returns their directory.
 *
 * @throws if Go is not installed
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
