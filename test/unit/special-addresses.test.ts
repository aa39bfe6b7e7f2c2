import { describe, expect, test } from "vitest";
import { rangeHolds, specialRanges4, specialRanges6 } from "#core/manifest/special-addresses";

/** IANA's IPv4 Special-Purpose Address Registry, every address block (read in November 2026). */
const registry4 = `
  0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
  192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
  192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
  240.0.0.0/4 255.255.255.255/32`;

/** IANA's IPv6 Special-Purpose Address Registry, every address block. */
const registry6 = `
  ::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
  2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28
  2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10`;

/** Blocked intentionally in addition to the registries. */
const beside = ["168.63.129.16/32", "224.0.0.0/4", "fec0::/10", "ff00::/8"];

describe.each([
  ["IPv4", registry4, specialRanges4],
  ["IPv6", registry6, specialRanges6],
] as const)("%s", (_family, registry, ranges) => {
  const entries = registry.split(/\s+/).filter(Boolean);
  test.each(entries)("the registry's %s is in the list", (entry) => {
    expect(ranges.some(({ range }) => rangeHolds(range, entry))).toBe(true);
  });
  test("the list has nothing else, and nothing twice", () => {
    const own = ranges.map(({ range }) => range);
    expect(own.filter((range) => !entries.includes(range) && !beside.includes(range))).toEqual([]);
    for (const range of own) expect(own.filter((other) => rangeHolds(other, range))).toEqual([range]);
  });
});

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.0.0.0/8", "0.0.0.0/0", false],
  ["198.18.0.0/15", "198.19.255.255", true],
  ["198.18.0.0/15", "198.20.0.0/24", false],
  ["0.0.0.0/0", "255.1.2.3", true],
  ["fe80::/10", "febf::1", true],
  ["fe80::/10", "fec0::1", false],
  ["::ffff:0:0/96", "::ffff:a00:1", true],
  ["2001:db8::/32", "10.0.0.1", false],
])("%s holds %s: %s", (outer, inner, expected) => {
  expect(rangeHolds(outer, inner)).toBe(expected);
});

test("8.8.8.8 and 2606:4700::1111 are public", () => {
  expect(specialRanges4.filter(({ range }) => rangeHolds(range, "8.8.8.8"))).toEqual([]);
  expect(specialRanges6.filter(({ range }) => rangeHolds(range, "2606:4700::1111"))).toEqual([]);
});
