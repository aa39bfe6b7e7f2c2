import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { pour, StoreError } from "#cells/kubernetes/exec/pour";
import { untilDrained } from "#cells/until-drained";

/** A full stream that accepts nothing until it is told to. */
function fullStream(): { stream: Writable; take: () => void } {
  let take = (): void => {};
  const stream = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      take = done;
    },
  });
  stream.on("error", () => {});
  stream.write("full");
  return { stream, take: () => take() };
}

describe("the wait for a full stream leaves no listener, and ends when", () => {
  it.each<[string, (full: ReturnType<typeof fullStream>, stop: AbortController) => void]>([
    ["it takes more", ({ take }) => take()],
    ["it is closed", ({ stream }) => stream.destroy()],
    ["it fails", ({ stream }) => stream.destroy(new Error("no space"))],
    ["the signal comes", (_full, stop) => stop.abort()],
  ])("%s", async (_what, happen) => {
    const full = fullStream();
    const stop = new AbortController();
    const counts = () => ["drain", "close", "error"].map((event) => full.stream.listenerCount(event));
    const before = counts();
    const wait = untilDrained(full.stream, stop.signal);
    happen(full, stop);
    await wait;
    expect(counts()).toEqual(before);
    // A condition that already holds is not waited for.
    if (full.stream.destroyed || stop.signal.aborted) await untilDrained(full.stream, stop.signal);
  });
});

describe("output of a cell in a cluster, while the store takes nothing", () => {
  async function* output(): AsyncGenerator<Buffer> {
    yield Buffer.from("one");
    yield Buffer.from("two");
  }

  it.each([
    ["the store's failure, where it fails", new Error("no space"), "no space"],
    ["that it is closed, where it is", undefined, "the stream of the store is closed"],
  ])("ends with %s", async (_what, failure, words) => {
    const { stream } = fullStream();
    const poured = pour(output(), stream, () => {}, new AbortController().signal);
    setImmediate(() => stream.destroy(failure));
    await expect(poured).rejects.toThrow(new StoreError(words));
  });

  it("is waited for until the signal comes", async () => {
    const stop = new AbortController();
    let bytes = 0;
    const count = (more: number): void => {
      bytes += more;
      stop.abort();
    };
    await pour(output(), fullStream().stream, count, stop.signal);
    expect(bytes).toBe(3);
  });
});
