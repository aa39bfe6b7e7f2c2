import { expect, test } from "vitest";
import { listenersIn } from "#platform/host/listener-owner";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const line = (local: string, state: string, user: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${user}        0 12345 1 0000000000000000 100 0 0 10 0\n`;
const v6 = (address: string): string => `${address}:1C41`;

// 7233 is 1C41 in hexadecimal.
test.each<[string, string, number[]]>([
  ["nobody", head, []],
  ["an empty table", "", []],
  ["somebody at 127.0.0.1", head + line("0100007F:1C41", "0A", 1001), [1001]],
  ["somebody at all addresses", head + line("00000000:1C41", "0A", 1001), [1001]],
  ["somebody at all addresses of IPv6", head + line(v6("0".repeat(32)), "0A", 1001), [1001]],
  ["somebody at 127.0.0.1 by IPv6", head + line(v6("0000000000000000FFFF00000100007F"), "0A", 1001), [1001]],
  ["two", head + line("00000000:1C41", "0A", 0) + line("0100007F:1C41", "0A", 1001), [0, 1001]],
  ["another port", head + line("0100007F:1C42", "0A", 1001), []],
  ["another address", head + line("0200007F:1C41", "0A", 1001), []],
  ["a connection", head + line("0100007F:1C41", "01", 1001), []],
])("who listens: %s", (_, table, users) => {
  expect(listenersIn(table, 7233)).toEqual(users);
});
