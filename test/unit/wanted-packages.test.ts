import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { maximumInlineBytes } from "#activities/inline-packages";
import { wantedPackages } from "#activities/wanted-packages";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { PackagePolicy } from "#core/packages/policy";
import type { OpenBlob } from "#platform/store/open-content";

const mebibyte = 1024 * 1024;
const stored = (bytes: number) => ({ artifact: "0".repeat(64), bytes });
const nothing: OpenBlob = () => Promise.reject(new Error("it was opened"));

/** What a request wants of a worker. */
const wanted = (request: object, open = nothing, policy: PackagePolicy = { allow: true }) => {
  const spec = parseRequest(request);
  return wantedPackages(spec, findLanguage(builtInLanguages, spec.language), policy, open);
};

/** Content that never ends, and how much of it was read. */
function endless(beginning: string): { readonly open: OpenBlob; readonly read: () => number } {
  let bytes = 0;
  function* chunks(): Generator<Buffer> {
    for (let chunk = Buffer.from(beginning); ; chunk = Buffer.alloc(65_536, "#")) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  return { open: () => Promise.resolve(Readable.from(chunks())), read: () => bytes };
}

const block = '# /// script\n# dependencies = ["six"]\n# ///\n';
const projectFile = (content: unknown) => ({
  language: "javascript",
  code: "1",
  files: [{ name: "package.json", content }],
});

describe("what a request names in its code or in a file", () => {
  it("is found at the beginning of large code, and no more of it is read", async () => {
    const { open, read } = endless(`${block}\n`);
    const python = ["six"];
    expect(await wanted({ code: stored(16 * mebibyte), language: "python" }, open)).toMatchObject({
      requirements: python,
    });
    expect(read()).toBeLessThan(2 * mebibyte);
    const files = [{ name: "main.py", content: stored(256 * mebibyte) }];
    const again = endless(`${block}\n`);
    expect(await wanted({ files, entrypoint: "main.py", language: "python" }, again.open)).not.toBeNull();
    expect(again.read()).toBeLessThan(2 * mebibyte);
  });

  it("is not looked for behind the beginning", async () => {
    const code = `${"#".repeat(maximumInlineBytes)}\n${block}`;
    const open: OpenBlob = () => Promise.resolve(Readable.from([Buffer.from(code)]));
    expect(await wanted({ code: stored(code.length), language: "python" }, open)).toBeNull();
  });

  it("is refused by the size of the file, which is not opened", async () => {
    await expect(wanted(projectFile(stored(256 * mebibyte)))).rejects.toMatchObject({
      code: "invalid-request",
      message: expect.stringMatching(/^files\.package\.json: got 256Mi; allowed is at most 1Mi/),
    });
    expect(await wanted({ ...projectFile(stored(256 * mebibyte)), packages: { inline: false } })).toBeNull();
  });

  it("is read no further than that, whatever size the file is said to have", async () => {
    const { open, read } = endless("{");
    expect(await wanted(projectFile(stored(10)), open)).toBeNull();
    expect(read()).toBeLessThan(2 * mebibyte);
  });

  it("is not read for packages that the worker does not allow", async () => {
    const request = { ...projectFile(stored(10)), packages: { npm: ["lodash"] } };
    for (const policy of [{ allow: false }, { allow: true, names: ["zod"] }]) {
      await expect(wanted(request, nothing, policy)).rejects.toMatchObject({ code: "policy-violation" });
    }
  });

  it("is subject to the worker's policy", async () => {
    await expect(wanted({ code: block, language: "python" }, nothing, { allow: false })).rejects.toMatchObject({
      code: "policy-violation",
      message: expect.stringContaining('"six"'),
    });
  });
});

const large = "x".repeat(500_000);
it.each<[what: string, request: object]>([
  ["a package", { code: `# /// script\n# dependencies = ["${"x".repeat(100_000)}"]\n# ///\n`, language: "python" }],
  ["a block", { code: `# /// script\n# a = "${large}"\n# ///\n`, language: "python" }],
  ["a broken block", { code: `# /// script\n# ${"x".repeat(100_000)}\n# ///\n`, language: "python" }],
  [
    "the versions of Python",
    {
      code: `# /// script\n# requires-python = ">=3${"1".repeat(100_000)}"\n# dependencies = ["six"]\n# ///\n`,
      language: "python",
    },
  ],
  ["a dependency", projectFile(JSON.stringify({ dependencies: { [large]: "1" } }))],
  ["a range", projectFile(JSON.stringify({ dependencies: { zod: large } }))],
])("%s that is too long is refused in a short message", async (_what, request) => {
  const error = await wanted(request).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "invalid-request", field: expect.any(String) });
  expect(String(error).length).toBeLessThan(1000);
});
