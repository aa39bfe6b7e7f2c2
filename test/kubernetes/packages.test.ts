/** Packages of runs on the cluster: asked for, built on the worker, put into the cell. */
import { expect, it } from "vitest";
import { useClusterWorker } from "./support.ts";

const here = useClusterWorker();

it("code in Python gets its packages, their programs, and no network", async () => {
  const code = `# /// script
# dependencies = ["numpy", "six"]
# ///
import numpy, os, six, socket, subprocess
print(numpy.arange(4).sum(), numpy.__file__, os.environ["GREETING"])
print(subprocess.run(["f2py", "-v"], capture_output=True, text=True).returncode)
try:
    socket.create_connection(("1.1.1.1", 443), 3)
except OSError as error:
    print("offline")
`;
  const result = await here.worker.run({ code, env: { GREETING: "hi" }, cpu: 1, ttl: 1, timeout: 60, memory: "512Mi" });
  expect(result).toMatchObject({ status: "succeeded", backend: "kubernetes" });
  expect(result.stdout.text).toBe("6 /opt/kgents/packages/site/numpy/__init__.py hi\n0\noffline\n");
  expect(result.environment).toMatchObject({ ecosystem: "python", platform: expect.stringContaining("manylinux") });
  expect(result.environment?.lock).toMatch(/^numpy==\S+ .*\nsix==\S+ .*\n$/);
});

it.each([
  ["javascript", 'import odd from "is-odd"; console.log(odd(3));'],
  ["typescript", 'const odd = require("is-odd"); const x: number = 3; console.log(odd(x));'],
])("code in %s gets packages of npm", async (language, code) => {
  const result = await here.worker.run({
    code,
    language,
    packages: { npm: ["is-odd@3"] },
    cpu: 1,
    ttl: 1,
    timeout: 60,
  });
  expect(result).toMatchObject({ status: "succeeded", stdout: { text: "true\n" }, environment: { ecosystem: "npm" } });
});

it("a language without packages is refused before a cell is made", async () => {
  await expect(here.worker.run({ code: "1", language: "sh", packages: { python: ["six"] } })).rejects.toMatchObject({
    code: "invalid-request",
    field: "packages.python",
  });
});
