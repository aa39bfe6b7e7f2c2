/** What the scripts of a session print about its files. */
import { expect, test } from "vitest";
import { listingOf } from "#activities/file-lists";

const line = (name: string): Buffer => Buffer.from(`regular file|3|1700000000|./${name}\n`);
const base64 = (...parts: Buffer[]) => ({
  text: Buffer.concat(parts).toString("base64"),
  encoding: "base64" as const,
  truncated: false,
});
const names = ({ files }: ReturnType<typeof listingOf>) => files.map(({ name }) => name);

test("a name that is not UTF-8 hides no other one", () => {
  const bad = Buffer.concat([Buffer.from("regular file|3|1700000000|./"), Buffer.from([0xff, 0xfe, 0x0a])]);
  const listed = listingOf(base64(line("b.txt"), bad, line("ä.txt")));
  expect(names(listed)).toEqual(["b.txt", "ä.txt"]);
  expect(listed.omitted).toBe(1);
});

test("an entry whose name is cut off is not listed under another name", () => {
  const text = `${line("a.txt")}directory|40|1700000000|./long-na`;
  const listed = listingOf({ text, encoding: "utf-8", truncated: false });
  expect(listed).toMatchObject({ files: [{ name: "a.txt", type: "file", bytes: 3 }], omitted: 1 });
});
