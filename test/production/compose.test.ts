/** docker-compose.yml, .env.example and the Dockerfile, read with compose's own parser, against the code. */
import { access, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { parse } from "yaml";
import { dynamicConfiguration } from "#client/stack/server-settings";
import { parseDuration } from "#core/text/duration";
import { startHealthServer } from "#platform/host/health-server";
import { run, runOrFail } from "../support/run.ts";
import { type ComposeFile, composeFile, root, serviceOf } from "./compose-file.ts";

const programs = inject("productionPrograms");
const file = (name: string): Promise<string> => readFile(join(root, name), "utf8");

let compose: ComposeFile;
let settings: Record<string, string>;
beforeAll(async () => {
  compose = await composeFile(programs);
  const lines = (await file(".env.example")).split("\n").filter((line) => /^[A-Z]/.test(line));
  settings = Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2)));
});

const services = () => Object.entries(compose.services);
const published = (name: string) => serviceOf(compose, name).ports as { host_ip?: string; target: number }[];

it("is what compose takes, with nothing left unsaid", async () => {
  const here = ["-f", join(root, "docker-compose.yml"), "--env-file", join(root, ".env.example"), "--profile", "*"];
  const docker = await run(["docker", "compose", "version"]).catch(() => ({ code: 1 }));
  const argv: [string, ...string[]] =
    docker.code === 0
      ? ["docker", "compose", ...here, "config", "--quiet"]
      : [join(programs, "compose"), join(root, "docker-compose.yml"), join(root, ".env.example"), "dev", "prod"];
  // Compose only warns about a variable that is not set.
  expect(await run(argv)).toMatchObject({ code: 0, stderr: "" });
});

it("says what every variable of .env.example is for, and needs no other", async () => {
  const used = (await file("docker-compose.yml")).matchAll(/\$\{(\w+)\}/g);
  expect([...new Set([...used].map(([, name]) => name))].sort()).toEqual(Object.keys(settings).sort());
});

it.each([
  ["dev", ["postgres", "schema", "setup-dev", "temporal-dev", "ui-dev", "ui-guard-dev"]],
  ["prod", ["postgres", "schema", "setup", "store", "temporal", "ui", "ui-guard", "worker"]],
])("the profile %s has its services, and no other", async (profile, names) => {
  expect(Object.keys((await composeFile(programs, [profile])).services).sort()).toEqual(names);
});

it("nothing is started unless a profile is named", async () => {
  expect((await composeFile(programs, [])).services).toEqual({});
});

it("starts in order: database, schema, server, namespace, and then what uses it", () => {
  const order = services().map(([name, { depends_on }]) => [
    name,
    Object.entries(depends_on ?? {}).map(([before, { condition }]) => `${before} ${condition}`),
  ]);
  expect(Object.fromEntries(order)).toEqual({
    postgres: [],
    schema: ["postgres service_healthy"],
    temporal: ["schema service_completed_successfully"],
    "temporal-dev": ["schema service_completed_successfully"],
    setup: ["temporal service_healthy"],
    "setup-dev": ["temporal-dev service_healthy"],
    ui: ["setup service_completed_successfully"],
    "ui-dev": ["setup-dev service_completed_successfully"],
    "ui-guard": ["ui service_started"],
    "ui-guard-dev": ["ui-dev service_started"],
    store: [],
    worker: ["setup service_completed_successfully", "store service_healthy"],
  });
  for (const name of ["postgres", "store", "temporal", "temporal-dev", "worker"]) {
    expect(serviceOf(compose, name).healthcheck).toMatchObject({ test: expect.anything() });
  }
});

it("pins every image, limits every service's memory and log, and restarts what is to run", () => {
  for (const [name, service] of services()) {
    expect(service.image, name).toMatch(/:v?\d+\.\d+/);
    expect(service, name).toMatchObject({ mem_limit: expect.anything(), logging: { options: expect.anything() } });
    expect(service.restart, name).toMatch(/^(?:unless-stopped|on-failure:5)$/);
  }
});

describe("versions are those of the tests", () => {
  it("Temporal's", async () => {
    const [, version] = /go\.temporal\.io\/server v(\S+)/.exec(await file("test/production/go/go.mod")) ?? [];
    expect([settings.TEMPORAL_VERSION, settings.TEMPORAL_ADMIN_TOOLS_VERSION]).toEqual([version, version]);
  });
  it("the artifact store's", async () => {
    const [, version] = /versitygw (v\S+)/.exec(await file("test/production/go-gateway/go.mod")) ?? [];
    expect(settings.STORE_VERSION).toBe(version);
  });
  it("Node's and our own", async () => {
    const { version, devDependencies } = JSON.parse(await file("package.json"));
    expect(settings).toMatchObject({ KGENTS_VERSION: version, NODE_VERSION: devDependencies.node });
    expect(await file("Dockerfile")).toContain(`ARG NODE_VERSION=${devDependencies.node}\n`);
  });
});

describe("who can reach what", () => {
  it("dev is for this machine alone", () => {
    expect(published("temporal-dev")).toMatchObject([{ host_ip: "127.0.0.1", target: 7233 }]);
  });
  it("the UI asks nobody who he is, so it is for this machine alone, and for no web page but its own", () => {
    for (const name of ["ui", "ui-dev"]) expect(published(name)).toBeUndefined();
    for (const name of ["ui-guard", "ui-guard-dev"]) {
      expect(published(name)).toMatchObject([{ host_ip: "127.0.0.1", target: 8080 }]);
    }
  });
  it.each(["ui-guard", "ui-guard-dev"])("%s is the guard of its UI", async (name) => {
    const { entrypoint, command } = serviceOf(compose, name);
    const [, program = ""] = entrypoint ?? [];
    await access(join(root, program.replace(/^\/kgents\/dist\/(.*)\.js$/, "$1.ts")));
    expect(command).toEqual(["--listen", "0.0.0.0:8080", "--target", `${name.replace("-guard", "")}:8080`]);
  });
  it("the database is for the other services alone", () => {
    expect(serviceOf(compose, "postgres").ports).toBeUndefined();
  });
  it("dev differs from prod by its certificates only", () => {
    const { CERTIFICATES, ...prod } = serviceOf(compose, "temporal").environment ?? {};
    expect(CERTIFICATES).toBe("/run/secrets");
    expect(serviceOf(compose, "temporal-dev").environment).toEqual(prod);
  });
});

describe("the containers of kgents", () => {
  it.each(["setup", "setup-dev", "ui-guard", "ui-guard-dev", "worker"])(
    "%s: no root, no capability, nothing to write to but what it needs",
    (name) => {
      expect(serviceOf(compose, name)).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
      });
      expect(serviceOf(compose, name)).not.toHaveProperty("user");
    },
  );
  it("the image's user is not root, and its base is the pinned one", async () => {
    const text = await file("Dockerfile");
    expect([...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual(
      Array(2).fill(`node:\${NODE_VERSION}-bookworm-slim`),
    );
    expect([...text.matchAll(/^USER (.*)$/gm)].map(([, user]) => user)).toEqual(["1000:1000"]);
  });
  it("the build sees what the Dockerfile copies, and nothing else", async () => {
    const copied = [...(await file("Dockerfile")).matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) =>
      (names ?? "").split(" "),
    );
    const [all, ...seen] = (await file(".dockerignore"))
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(all).toBe("*");
    // A folder is seen with all that is in it.
    const outermost = copied.filter((name) => !copied.some((other) => name.startsWith(`${other}/`)));
    expect(seen.map((line) => line.replace(/^!/, "")).sort()).toEqual([...outermost].sort());
    await Promise.all(copied.map((name) => access(join(root, name))));
  });
  it("a worker is healthy while it takes runs, and not while it drains", async () => {
    const { command, healthcheck } = serviceOf(compose, "worker");
    const port = command?.[command.indexOf("--health-port") + 1];
    const [, , ...check] = (healthcheck as { test: string[] }).test;
    expect(check.at(-1)).toContain(`http://127.0.0.1:${port}/readyz`);
    const exitCode = async (unready: string | undefined): Promise<number | null> => {
      const health = await startHealthServer({ host: "127.0.0.1", port: 0 }, async () => unready);
      const there = check.map((word) => word.replace(`:${port}/`, `:${health.port}/`));
      const { code } = await run([process.execPath, ...there]);
      await health.close();
      return code;
    };
    expect([await exitCode(undefined), await exitCode("the worker is draining")]).toEqual([0, 1]);
  });
  it("a worker is given longer to stop than it drains", () => {
    const { command, stop_grace_period } = serviceOf(compose, "worker");
    const drain = command?.[(command?.indexOf("--drain") ?? 0) + 1] ?? "";
    const [, minutes] = /^(\d+)m0s$/.exec(String(stop_grace_period)) ?? [];
    expect(Number(minutes) * 60_000).toBeGreaterThan((parseDuration(drain) ?? Number.NaN) + 30_000);
  });
});

it("every file that is mounted is there, and every secret is made by make-secrets.sh, but the kubeconfig", async () => {
  for (const [, { volumes }] of services()) {
    for (const { type, source } of volumes ?? []) if (type === "bind") await access(source);
  }
  const directory = await mkdtemp(join(tmpdir(), "kgents-secrets-"));
  try {
    const make = () =>
      runOrFail([join(root, "deploy/compose/make-secrets.sh"), directory, "temporal.example.com", "10.0.0.5"]);
    await make();
    const made = (await readdir(directory)).sort();
    expect(made).toEqual([...Object.keys(compose.secrets), "ca.key"].filter((name) => name !== "kubeconfig").sort());
    const modes = await Promise.all(
      [directory, ...made.map((name) => join(directory, name))].map((path) => stat(path)),
    );
    // Any user of a container can read the mounted files; on the host, other users cannot enter the directory.
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual([
      "700",
      ...made.map((name) => (name === "ca.key" ? "600" : "444")),
    ]);
    const certificate = await runOrFail(["openssl", "x509", "-noout", "-text", "-in", join(directory, "temporal.crt")]);
    expect(certificate).toContain("DNS:temporal.example.com, IP Address:10.0.0.5");
    const before = await Promise.all(made.map((name) => readFile(join(directory, name), "utf8")));
    await make();
    expect(await Promise.all(made.map((name) => readFile(join(directory, name), "utf8")))).toEqual(before);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

describe("Temporal's dynamic configuration", () => {
  const path = "deploy/temporal/dynamic-config.yaml";
  it("is what the server understands", async () => {
    const said = await runOrFail([join(programs, "temporal-server"), "validate-dynamic-config", join(root, path)]);
    expect(said).not.toMatch(/error|warning/);
  });
  it("is that of the local server", async () => {
    const values = Object.entries(parse(await file(path)) as Record<string, [{ value: unknown }]>);
    const { "frontend.httpAllowedHosts": hosts, ...rest } = Object.fromEntries(
      values.map(([name, [{ value }]]) => [name, value]),
    );
    expect(rest).toEqual(dynamicConfiguration);
    // A name that no web page can have, because it never resolves.
    expect(hosts).toEqual([expect.stringMatching(/\.invalid$/)]);
  });
});
