import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { failureKinds } from "#core/contract/failure";

it("docs/failures.md lists every failure kind as the table has it", async () => {
  const page = await readFile(new URL("../../docs/failures.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows).toEqual(
    Object.entries(failureKinds).map(
      ([kind, { exitCode, retryable, remedy }]) =>
        `| \`${kind}\` | ${exitCode} | ${retryable ? "yes" : "no"} | ${remedy} |`,
    ),
  );
});
