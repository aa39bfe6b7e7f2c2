/** How a worker's parts are closed. A log that cannot be written must not end the process. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { createOpened, settled } from "#worker/opened-resources";

const logged = () => {
  const lines: object[] = [];
  return { lines, log: { error: (about: object) => void lines.push(about) } };
};
const never = new Promise<void>(() => {});

test.each<[what: string, ended: () => Promise<unknown>, inOrder: boolean, lines: object[]]>([
  ["it ends", async () => 1, true, []],
  ["it fails", async () => Promise.reject(new Error("no")), false, [{ step: "x", error: "Error: no" }]],
  ["it hangs", async () => never, false, [{ step: "x", milliseconds: 20 }]],
])("a step of the end: %s", async (_what, ended, inOrder, lines) => {
  const { log, lines: said } = logged();
  expect(await settled("x", ended(), log, 20)).toBe(inOrder);
  expect(said).toEqual(lines);
});

it("closes in the opposite order, each once, whatever becomes of the others", async () => {
  const { log, lines } = logged();
  const opened = createOpened(log);
  const closed: string[] = [];
  opened.add("first", async () => closed.push("first"));
  opened.add("hangs", () => never, 20);
  opened.add("throws", () => {
    throw new Error("at once");
  });
  opened.add("last", async () => closed.push("last"));
  await opened.close();
  await opened.close();
  expect(closed).toEqual(["last", "first"]);
  expect(lines).toMatchObject([{ step: "throws" }, { step: "hangs" }]);
});

describe("the log", () => {
  const openLog = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, "../../platform/host/logger.ts"))};
    const log = createLogger();`;

  it("has one line an event, without characters that act on a terminal", () => {
    const words = "a\u009b2J\u0085b\u2028c\u2029d\u202ee\u007f\u001b[1m\n\ufffdé 😀";
    const program = `${openLog}
      log.error({ error: ${JSON.stringify(words)} }, ${JSON.stringify(words)});`;
    const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    expect(stderr).toMatch(/^[^\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+\n$/u);
    expect(JSON.parse(stderr)).toMatchObject({ error: words, msg: words });
  });

  it("that cannot be written ends nothing", () => {
    const full = openSync("/dev/full", "w");
    const program = `${openLog}
      for (let line = 0; line < 20; line += 1) log.info("x".repeat(1e5));
      setTimeout(() => console.log("alive"), 10);`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", full],
      encoding: "utf8",
    });
    closeSync(full);
    expect({ stdout, status }).toEqual({ stdout: "alive\n", status: 0 });
  });
});
