/**
 * The packages that the tests' Python programs import. Installed by pip outside the checkout, once for each list of
 * packages.
 */

import { cached, contentKey } from "./cached.ts";
import { runOrFail } from "./run.ts";

/**
 * Installs the packages of a requirements.txt.
 *
 * @returns the environment in which Python finds them
 */
export async function pythonPackages(requirements: string): Promise<NodeJS.ProcessEnv> {
  const key = await contentKey([requirements], [await runOrFail(["python3", "--version"])]);
  const directory = await cached(`python-${key}`, async (target) => {
    process.stderr.write(`tests: installing ${requirements} from the Python package index ...\n`);
    // --target also works if the system's Python is marked as externally managed.
    const install = ["-m", "pip", "install", "--quiet", "--no-input", "--target", target] as const;
    await runOrFail(["python3", ...install, "--requirement", requirements], {
      environment: { PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    });
  });
  // Do not write compiled files beside the sources.
  return { PYTHONPATH: directory, PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" };
}
