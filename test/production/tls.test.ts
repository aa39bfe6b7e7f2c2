/** Client certificates, configured only by Temporal's standard variables. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { findTemporalBinary } from "#client/stack/temporal-binary";
import { kgentsPaths } from "#platform/host/paths";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { startDevServer } from "../support/dev-server.ts";
import { runOrFail } from "../support/run.ts";
import { root } from "./compose-file.ts";

const good = inject("productionEnvironment");
const authorityFile = good.TEMPORAL_TLS_SERVER_CA_CERT_PATH ?? "";

let directory: string;
let commandLine: CommandLine;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-tls-"));
  commandLine = await createCommandLine({ environment: good });
  const functions = join(root, "deploy", "authority.sh");
  // Created by the same functions: one certificate by the server's CA, one by another CA.
  await runOrFail([
    "bash",
    "-euc",
    `. "$1"; cp "$2"/ca.* "$3"; make_certificate "$3" expired /CN=late -1 clientAuth
     mkdir "$3/other"; make_authority "$3/other" other 1; make_certificate "$3/other" client /CN=stranger 1 clientAuth`,
    ...["make", functions, dirname(authorityFile), directory],
  ]);
});
afterAll(async () => {
  await commandLine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const clientPair = (path: string) => ({
  TEMPORAL_TLS_CLIENT_CERT_PATH: `${path}.crt`,
  TEMPORAL_TLS_CLIENT_KEY_PATH: `${path}.key`,
});
const noPair = { TEMPORAL_TLS_CLIENT_CERT_PATH: "", TEMPORAL_TLS_CLIENT_KEY_PATH: "" };
const noTls = { ...noPair, TEMPORAL_TLS_SERVER_CA_CERT_PATH: "", TEMPORAL_TLS_SERVER_NAME: "" };

const certificateMissing =
  "the server takes only clients with a certificate: set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH";

describe("a connection that cannot be had says which variable to look at", () => {
  // Each waits for a connection timeout; run concurrently, they wait once.
  it.concurrent.each<[string, () => NodeJS.ProcessEnv, string]>([
    ["no TLS", () => noTls, "the server speaks TLS, and none is configured: set TEMPORAL_TLS_*"],
    ["no certificate", () => noPair, certificateMissing],
    [
      "a certificate of another authority",
      () => clientPair(join(directory, "other", "client")),
      "the server does not know the authority of this client's certificate",
    ],
    [
      "a certificate that has expired",
      () => clientPair(join(directory, "expired")),
      "this client's certificate has expired",
    ],
    [
      "a server of another authority",
      () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(directory, "other", "ca.crt") }),
      "set TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    ],
    [
      "a server of another name",
      () => ({ TEMPORAL_TLS_SERVER_NAME: "elsewhere.example" }),
      "the server's certificate is for another name",
    ],
    ["a certificate that is no file", () => clientPair(join(directory, "nowhere")), "nowhere.crt"],
  ])("%s", async (_name, environment, message) => {
    const { code, stdout, stderr } = await commandLine.run(["admin", "setup", "--json"], {
      environment: environment(),
    });
    expect(stderr).toContain(message);
    expect(code).not.toBe(0);
    expect(JSON.parse(stdout).error.remedy).toContain("TEMPORAL_TLS_");
  });

  it.concurrent.each([
    ["exec", ["exec", "--code", "print(1)"], 125],
    ["ps", ["ps"], 125],
    ["worker", ["worker"], 125],
    ["status", ["status"], 1],
    ["doctor", ["doctor"], 1],
  ])("without a certificate, `kgents %s`", async (_name, args, exitCode) => {
    const { code, stdout, stderr } = await commandLine.run(args, { environment: noPair });
    expect(stdout + stderr).toContain(certificateMissing);
    expect(code).toBe(exitCode);
  });

  it("TLS where the server speaks none", async () => {
    const binary = await findTemporalBinary({ cacheDirectory: kgentsPaths().cache, progress: () => {} });
    const server = await startDevServer(binary.path, join(directory, "temporal.db"));
    try {
      const { stderr } = await commandLine.run(["admin", "setup"], {
        environment: { TEMPORAL_ADDRESS: server.address },
      });
      expect(stderr).toContain("TLS is configured, and the server speaks none");
    } finally {
      await server.stop();
    }
  });
});

it("with one, commands and the worker that they start in the background get through", async () => {
  expect(await commandLine.run(["exec", "--code", "print('hello')"])).toMatchObject({ code: 0, stdout: "hello\n" });
  const { code, stdout } = await commandLine.run(["doctor"]);
  expect(stdout).toContain("the namespace has the search attributes of runs");
  expect(code).toBe(0);
});
