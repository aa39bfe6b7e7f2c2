import { expect, it } from "vitest";
import { concatBytes, decodeUtf8, fromBase64, toBase64, utf8Bytes, utf8Length } from "#core/text/bytes";

const samples = [0, 1, 2, 3, 255, 8191, 8192, 8193, 100_000].map((length) =>
  Uint8Array.from({ length }, (_, index) => (index * 31) % 256),
);

it.each(samples.map((bytes) => ({ length: bytes.length, bytes })))(
  "base64 of $length bytes is node's, and back",
  ({ bytes }) => {
    const text = Buffer.from(bytes).toString("base64");
    expect(toBase64(bytes)).toBe(text);
    expect(fromBase64(text)).toEqual(bytes);
  },
);

it.each(["", "a", "é", "€", "😀", "\ufeffx", "\0"])("UTF-8 of %j is node's, and back", (text) => {
  expect(Buffer.from(utf8Bytes(text)).equals(Buffer.from(text))).toBe(true);
  expect(utf8Length(text)).toBe(Buffer.byteLength(text));
  expect(decodeUtf8(Buffer.from(text))).toBe(text);
});

it("says where bytes are no UTF-8", () => {
  expect(decodeUtf8(Uint8Array.of(0x61, 0xff))).toBeUndefined();
});

it("puts bytes one after another", () => {
  expect(concatBytes(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
});
