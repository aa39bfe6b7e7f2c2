import { DefaultFailureConverter, defaultPayloadConverter } from "@temporalio/common";
import { describe, expect, it } from "vitest";
import { withTypedFailures } from "#activities/failures";
import { toKgentsError } from "#client/sdk/failure";
import { KgentsError } from "#core/contract/error";
import { failureKinds, isFailureKind, isWrongUsage, nonRetryableKinds } from "#core/contract/failure";

const kinds = Object.keys(failureKinds).filter(isFailureKind);

describe("the table of failures", () => {
  it("keeps every name that was ever published", () => {
    // The names are a public contract: names may be added but never removed.
    expect(kinds).toEqual(
      expect.arrayContaining([
        ...["invalid-request", "unsupported-language", "invalid-configuration", "policy-violation", "id-conflict"],
        ...["not-found", "temporal-unavailable", "no-worker", "worker-lost", "stack-start", "tool-unavailable"],
        ...["backend-unavailable", "cluster-unavailable", "namespace-missing", "forbidden", "quota-exceeded"],
        ...["admission-denied", "unschedulable", "image-pull", "cell-start", "evicted", "node-lost"],
        ...["sandbox-unavailable", "network-isolation-unavailable", "interpreter-missing", "artifact-unavailable"],
        ...["internal", "system-error"],
      ]),
    );
  });

  it.each(kinds)("%s says what to do next, in a sentence", (kind) => {
    expect(failureKinds[kind].remedy).toMatch(/^[A-Z].*\.$/);
    expect(kind).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it("never retries wrong usage", () => {
    for (const kind of kinds) if (isWrongUsage(kind)) expect(nonRetryableKinds).toContain(kind);
    expect(kinds.filter(isWrongUsage).length).toBeGreaterThan(3);
  });

  it("retries only what passes by itself", () => {
    const retried = kinds.filter((kind) => !nonRetryableKinds.includes(kind));
    expect(retried.sort()).toEqual([
      ...[
        "artifact-unavailable",
        "cell-handed-over",
        "cell-start",
        "disk-full",
        "internal",
        "package-index-unavailable",
      ],
      ...["package-install", "system-error"],
    ]);
  });

  it.each(["", "toString", "__proto__", "Internal", 5, null, undefined])("%j is no failure of ours", (value) => {
    expect(isFailureKind(value)).toBe(false);
  });
});

describe("what the system says is no defect of ours", () => {
  const system = (code: string, message = `${code}: no space left on device, write`): Error =>
    Object.assign(new Error(message), { code, errno: -1, syscall: "write" });

  it.each<[error: unknown, code: string]>([
    [system("ENOENT", "ENOENT: no such file or directory, uv_cwd"), "system-error"],
    [system("EMFILE"), "system-error"],
    [system("EIO"), "system-error"],
    [new TypeError("fetch failed", { cause: system("ECONNREFUSED") }), "system-error"],
    [system("EAI_AGAIN"), "system-error"],
    [system("ENOSPC"), "disk-full"],
    [system("ERR_INVALID_ARG_TYPE"), "internal"],
    [new Error("x"), "internal"],
    ["x", "internal"],
  ])("%s is %s, in a client and in an activity", async (error, code) => {
    const known = toKgentsError(error, "id");
    expect(known.code).toBe(code);
    expect(known.remedy.includes("bug in kgents")).toBe(code === "internal");
    await expect(withTypedFailures(() => Promise.reject(error))({})).rejects.toMatchObject({ type: code });
  });
});

describe("the texts of a failure that an activity reports", () => {
  const long = "x".repeat(3_000_000);
  const cause = Object.assign(new Error(long, { cause: new Error(long) }), { name: "InstallerError" });
  it.each([
    new KgentsError("package-install", long, { field: long, remedy: long, cause }),
    new Error(long, { cause }),
    Object.assign(new Error(long, { cause }), { code: "ENOSPC" }),
    Array.from({ length: 100 }, () => long).reduce((below, text) => new Error(text, { cause: below }), cause),
  ])("are short: %#", async (error) => {
    const failure: unknown = await withTypedFailures(() => Promise.reject(error))({}).catch(
      (caught: unknown) => caught,
    );
    const encoded = JSON.stringify(new DefaultFailureConverter().errorToFailure(failure, defaultPayloadConverter));
    expect(encoded.length).toBeLessThan(256 * 1024);
    expect(encoded).toContain("more characters)");
  });
});

it("the cause of a failure keeps its name", async () => {
  const cause = Object.assign(new Error("below"), { name: "InstallerError" });
  const reported = withTypedFailures(() => Promise.reject(new KgentsError("package-install", "x", { cause })))({});
  await expect(reported).rejects.toMatchObject({ cause: { name: "InstallerError", message: "below" } });
});

describe("KgentsError", () => {
  it("carries the general remedy of its kind, or its own", () => {
    expect(new KgentsError("internal", "x").remedy).toBe(failureKinds.internal.remedy);
    expect(new KgentsError("internal", "x", { remedy: "Rest." }).remedy).toBe("Rest.");
  });

  it("is an error with a name, a field and a cause", () => {
    const cause = new Error("below");
    const error = new KgentsError("invalid-request", "x", { field: "cpu", cause });
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe("KgentsError: x");
    expect(error).toMatchObject({ code: "invalid-request", field: "cpu", cause });
    expect(Object.keys(error)).not.toContain("name");
    expect("cause" in new KgentsError("internal", "x")).toBe(false);
  });
});
