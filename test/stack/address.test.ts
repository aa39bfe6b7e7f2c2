import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLoopback } from "#core/text/loopback";
import { portIn, resolveTarget } from "#platform/temporal/address";

let directory: string;
const profiles = '[profile.default]\naddress = "shared:7000"\nnamespace = "team"\n[profile.bare]\nnamespace = "mine"\n';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-address-"));
  await writeFile(join(directory, "temporal.toml"), profiles);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const home = { HOME: "/nonexistent" };
const withFile = (): NodeJS.ProcessEnv => ({ ...home, TEMPORAL_CONFIG_FILE: join(directory, "temporal.toml") });

describe("Temporal's address", () => {
  const cases: [string, () => NodeJS.ProcessEnv, Omit<Parameters<typeof resolveTarget>[1], never>, string, string][] = [
    ["nothing said", () => home, {}, "127.0.0.1:7233", "local"],
    ["our server runs elsewhere", () => home, { runningPort: 8000 }, "127.0.0.1:8000", "local"],
    ["KGENTS_PORT", () => ({ ...home, KGENTS_PORT: "9000" }), { runningPort: 8000 }, "127.0.0.1:9000", "local"],
    ["an empty KGENTS_PORT", () => ({ ...home, KGENTS_PORT: "" }), {}, "127.0.0.1:7233", "local"],
    ["a port", () => ({ ...home, KGENTS_PORT: "9000" }), { port: 9100 }, "127.0.0.1:9100", "local"],
    ["TEMPORAL_ADDRESS", () => ({ ...home, TEMPORAL_ADDRESS: "a:1", KGENTS_PORT: "2" }), {}, "a:1", "configured"],
    ["an empty TEMPORAL_ADDRESS", () => ({ ...home, TEMPORAL_ADDRESS: "" }), {}, "127.0.0.1:7233", "local"],
    ["one without a port", () => ({ ...home, TEMPORAL_ADDRESS: "a" }), {}, "a:7233", "configured"],
    ["the caller's", () => ({ ...home, TEMPORAL_ADDRESS: "a:1" }), { address: "b:2" }, "b:2", "configured"],
    ["the default profile", withFile, {}, "shared:7000", "configured"],
    ["a profile without one", () => ({ ...withFile(), TEMPORAL_PROFILE: "bare" }), {}, "127.0.0.1:7233", "local"],
    ["a key without one", () => ({ ...home, TEMPORAL_API_KEY: "secret" }), {}, "127.0.0.1:7233", "local"],
  ];
  test.each(cases)("%s", (_, environment, options, address, origin) => {
    expect(resolveTarget(environment(), options)).toMatchObject({ address, origin });
  });

  test("the namespace and what a connection needs come along", () => {
    expect(resolveTarget(withFile(), {}).namespace).toBe("team");
    expect(resolveTarget({ ...withFile(), TEMPORAL_PROFILE: "bare" }, {}).namespace).toBe("mine");
    const secured = resolveTarget({ ...home, TEMPORAL_ADDRESS: "a:1", TEMPORAL_API_KEY: "secret" }, {});
    expect(secured.connectionOptions).toMatchObject({ apiKey: "secret", tls: true });
    const local = resolveTarget({ ...home, TEMPORAL_API_KEY: "secret" }, {});
    expect(local.connectionOptions).toEqual({ address: "127.0.0.1:7233" });
  });

  const refused: [string, () => NodeJS.ProcessEnv, RegExp][] = [
    ["an unknown profile", () => ({ ...withFile(), TEMPORAL_PROFILE: "nope" }), /Profile 'nope' not found/],
    ["a port that is none", () => ({ ...home, KGENTS_PORT: "http" }), /KGENTS_PORT: "http"; allowed is 1 to 65535/],
    ["port 0", () => ({ ...home, KGENTS_PORT: "0" }), /KGENTS_PORT: "0"/],
    ["a port too high", () => ({ ...home, KGENTS_PORT: "65536" }), /KGENTS_PORT: "65536"/],
    ["a negative port", () => ({ ...home, KGENTS_PORT: "-1" }), /KGENTS_PORT: "-1"/],
  ];
  test.each(refused)("%s is refused", (_, environment, message) => {
    expect(() => resolveTarget(environment(), {})).toThrow(
      expect.objectContaining({ code: "invalid-configuration", message: expect.stringMatching(message) }),
    );
  });
});

test.each([
  ["127.0.0.1:7233", true, 7233],
  ["127.1.2.3:80", true, 80],
  ["localhost:7000", true, 7000],
  ["[::1]:7000", true, 7000],
  ["10.0.0.1:7233", false, 7233],
  ["localhost.example.com:7233", false, 7233],
  ["127.0.0.1.example.com:7233", false, 7233],
])("%s leads to this machine: %s", (address, expected, port) => {
  expect(isLoopback(address)).toBe(expected);
  expect(portIn(address)).toBe(port);
});
