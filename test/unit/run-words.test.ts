/** The output of the commands about runs: tables, bars, times. */
import { describe, expect, it, test } from "vitest";
import { barChart } from "#client/cli/runs/bar-chart";
import { stretchesOf } from "#client/cli/runs/format-details";
import { parseSince } from "#client/cli/runs/parse-since";
import { type Column, table } from "#client/cli/terminal/table";
import { plain } from "#client/cli/terminal/terminal-text";
import { shorten, width } from "#client/cli/terminal/text-width";
import { runQuery } from "#client/sdk/runs/run-query";
import { type Waiting, waitingInWords } from "#client/sdk/runs/waiting";
import { aboutOf } from "#core/contract/about";

const now = new Date("2026-03-01T12:00:00Z");
const later = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);

describe("text on a terminal", () => {
  test.each([
    ["short", 10, "short"],
    ["exactly", 7, "exactly"],
    ["too long", 5, "too …"],
    ["日本語です", 6, "日本…"],
    ["👨‍👩‍👧‍👦 family", 4, "👨‍👩‍👧‍👦 …"],
    ["x", 0, ""],
  ])("%j in %i columns is %j", (text, columns, expected) => {
    expect(shorten(text, columns)).toBe(expected);
    expect(width(expected)).toBeLessThanOrEqual(columns);
  });

  it("never moves the cursor or changes a colour", () => {
    expect(plain("a\u001b[31mb\u0007c\td\r\ne\u202ef")).toBe("a\u{fffd}[31mb\u{fffd}c d\u{fffd}e\u{fffd}f");
  });
});

test.each<[waiting: Waiting, words: string]>([
  [{ place: "sandbox", ahead: null, full: null }, "waiting in the queue: all sandbox slots are taken"],
  [{ place: "sandbox", ahead: 0, full: null }, "waiting on its worker: all sandbox slots are taken; this run is next"],
  [{ place: "cluster", ahead: null, full: null }, "waiting in the queue: the cluster has no free capacity"],
  [
    { place: "cluster", ahead: 2, full: "the quota kgents-cells: pods=100" },
    "waiting on its worker: the cluster has no free capacity (the quota kgents-cells: pods=100); runs ahead of this one: 2",
  ],
])("%j in words", (waiting, words) => {
  expect(waitingInWords(waiting)).toBe(words);
});

describe("table", () => {
  interface Row {
    readonly id: string;
    readonly kind: string;
    readonly text: string;
  }
  const columns: Column<Row>[] = [
    { title: "ID", text: ({ id }) => id, style: (text) => `<${text}>` },
    { title: "KIND", text: ({ kind }) => kind, optional: 2 },
    { title: "TEXT", text: ({ text }) => text, optional: 1 },
  ];
  const rows: Row[] = [
    { id: "one", kind: "a", text: "some longer text" },
    { id: "three", kind: "bcd", text: "日本" },
  ];

  test.each([
    [undefined, ["ID     KIND  TEXT", "<one    >a     some longer text", "<three  >bcd   日本"]],
    [22, ["ID     KIND  TEXT", "<one    >a     some lon…", "<three  >bcd   日本"]],
    [16, ["ID     TEXT", "<one    >some lon…", "<three  >日本"]],
    [10, ["ID", "<one>", "<three>"]],
    [2, ["ID", "<one>", "<three>"]],
  ])("in %s columns", (room, lines) => {
    expect(table(columns, rows, room)).toEqual(lines);
  });

  it("is its titles where there are no rows", () => {
    expect(table(columns, [], 40)).toEqual(["ID  KIND  TEXT"]);
  });
});

describe("bar chart of phases", () => {
  const timings = {
    queued: now,
    provisioned: later(100),
    started: later(200),
    finished: later(1000),
    closed: later(1100),
  };

  it("each bar lies where its phase does", () => {
    expect(barChart(stretchesOf(timings, later(5000)), 33)).toEqual([
      "preparing    100 ms  █",
      "starting     100 ms   █",
      "running      800 ms    █████████",
      "cleaning up  100 ms             █",
    ]);
  });

  it("a phase that goes on is said to, and what has not begun is not there", () => {
    const open = { ...timings, finished: null, closed: null };
    expect(barChart(stretchesOf(open, later(2200)), 60)).toEqual([
      "preparing      100 ms  ██",
      "starting       100 ms    █",
      `running    2 s so far     ${"█".repeat(33)}…`,
    ]);
  });

  it("a run that was refused at once; a clock that goes back", () => {
    const refused = { queued: now, provisioned: null, started: null, finished: null, closed: now };
    expect(barChart(stretchesOf(refused, now), 30)).toEqual(["preparing  0 ms  █"]);
    const back = { ...timings, started: later(50) };
    expect(barChart(stretchesOf(back, now), 60)[1]).toMatch(/^starting +0 ms +█$/);
  });

  it("without bars where there is no room", () => {
    expect(barChart(stretchesOf(timings, now), 26)).toEqual([
      "preparing    100 ms",
      "starting     100 ms",
      "running      800 ms",
      "cleaning up  100 ms",
    ]);
  });
});

test.each([
  ["1h", "2026-03-01T11:00:00.000Z"],
  ["90s", "2026-03-01T11:58:30.000Z"],
  ["30", "2026-03-01T11:59:30.000Z"],
  ["7d", "2026-02-22T12:00:00.000Z"],
  ["2026-01-31", "2026-01-31T00:00:00.000Z"],
  ["2026-01-31T08:30Z", "2026-01-31T08:30:00.000Z"],
  ["2026-01-31T08:30:15.5+02:00", "2026-01-31T06:30:15.500Z"],
  ["yesterday", undefined],
  ["2026-13-01", undefined],
  ["1", "2026-03-01T11:59:59.000Z"],
  ["-1h", undefined],
  ["", undefined],
])("since %j is %s", (text, moment) => {
  expect(parseSince(text, now)?.toISOString()).toBe(moment);
});

describe("query", () => {
  const base = "WorkflowType = 'executeCode' AND TaskQueue = 'kgents'";
  test.each([
    [{}, true, base],
    [{ status: ["running"] as const }, true, `${base} AND (ExecutionStatus = 'Running')`],
    [
      { status: ["failed", "error"] as const },
      true,
      `${base} AND ((ExecutionStatus = 'Completed' AND (KgentsStatus = 'failed' OR KgentsStatus = 'running' OR KgentsStatus IS NULL)) OR (ExecutionStatus = 'Failed' OR ExecutionStatus = 'TimedOut'))`,
    ],
    [{ status: ["failed", "lost"] as const }, false, `${base} AND (ExecutionStatus = 'Completed')`],
    [{ language: "it's" }, true, `${base} AND (KgentsLanguage = 'it\\'s' OR KgentsLanguage IS NULL)`],
    [{ language: "python", labels: { team: "red" } }, false, base],
    [{ since: now }, false, `${base} AND StartTime >= '2026-03-01T12:00:00.000Z'`],
  ])("%j, with attributes: %s", (filter, withAttributes, expected) => {
    expect(runQuery("kgents", filter, withAttributes)).toBe(expected);
  });
});

describe("what is kept of a request", () => {
  const nothing = { language: "python", labels: {}, requester: null };
  test.each([
    [{ code: "\n  first \nsecond" }, { ...nothing, title: "first" }],
    [{ code: { base64: "eA==" } }, { ...nothing, title: "(bytes)" }],
    [{ code: { artifact: "x", bytes: 1 } }, { ...nothing, title: "(code from the artifact store)" }],
    [{ entrypoint: "main.py" }, { ...nothing, title: "main.py" }],
    [
      { code: "x".repeat(300), language: "SH", labels: { a: "b", c: 1 }, requester: "me" },
      { language: "sh", labels: { a: "b" }, requester: "me", title: `${"x".repeat(99)}…` },
    ],
    [null, { ...nothing, title: "(no code)" }],
    ["nonsense", { ...nothing, title: "(no code)" }],
  ])("of %j", (request, expected) => {
    expect(aboutOf(request)).toEqual(expected);
    // The stored form formats like the original.
    expect(aboutOf(aboutOf(request))).toEqual(expected);
  });
});
