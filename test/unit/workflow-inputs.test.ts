import { expect, it } from "vitest";
import {
  faultInBatch,
  faultInChunk,
  faultInDepth,
  faultInLimits,
  faultInReap,
  type InputFault,
} from "#core/contract/workflow-inputs";

const chunk = { artifact: "a".repeat(64), bytes: 1000 };
const batch = { chunks: [chunk], total: 3, concurrency: 10, limits: { streamBytes: 8192, fileBytes: 0 } };
const progress = { total: 3, started: 1, outcomes: { succeeded: 1 } };
const reap = { cellId: "kgents-0123456789abcdef0123", backend: "kubernetes", ttlMilliseconds: 60_000 };

/** Nested lists, as JSON of any depth is parsed. */
const nested = (depth: number): unknown => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
const deep = nested(100_000);

it.each<[name: string, fault: InputFault | undefined]>([
  ["a request that is 100 deep", faultInDepth("request", { code: "x", metadata: nested(99) })],
  ["a request that is no object", faultInDepth("request", null)],
  ["a request of a batch that is 91 deep", faultInBatch({ ...batch, chunks: [{ requests: [{ env: nested(90) }] }] })],
  ["limits", faultInLimits({ streamBytes: 32 * 1024, fileBytes: 8 * 1024 })],
  ["no limits", faultInLimits(undefined)],
  ["empty limits", faultInLimits({})],
  ["a stored chunk", faultInChunk(chunk)],
  ["a chunk of requests that may be anything", faultInChunk({ requests: [null, 5, {}] })],
  ["a batch", faultInBatch(batch)],
  ["a batch that goes on", faultInBatch({ ...batch, from: { chunk: 1, progress } })],
  ["a cell", faultInReap(reap)],
  ["a cell of a requester", faultInReap({ ...reap, requester: "somebody", parent: null })],
])("%s may be", (_name, fault) => {
  expect(fault).toBeUndefined();
});

const manyChunks = Array.from({ length: 4 }, () => chunk);

it.each<[field: string, fault: InputFault | undefined]>([
  ["metadata", faultInDepth("request", { code: "x", metadata: nested(100) })],
  ["env.A", faultInDepth("request", { code: "x", env: { A: deep } })],
  ["request", faultInDepth("request", deep)],
  ["files[1].content", faultInDepth("request", { files: [{ name: "a" }, { name: "b", content: deep }] })],
  ["limits", faultInLimits(deep)],
  ["limits.fileBytes", faultInLimits({ fileBytes: deep })],
  ["chunk.requests[1].env", faultInChunk({ requests: [{}, { env: deep }] })],
  ["chunks[0].requests[1].env", faultInBatch({ ...batch, chunks: [{ requests: [{}, { env: deep }] }] })],
  ["from", faultInBatch({ ...batch, from: deep })],
  ["batch", faultInBatch(deep)],
  ["parent", faultInReap({ ...reap, parent: deep })],
  ["cell", faultInReap(deep)],
  ["limits", faultInLimits("all")],
  ["limits", faultInLimits([])],
  ["limits", faultInLimits({ bytes: 1 })],
  ["limits.fileBytes", faultInLimits({ fileBytes: 1e12 })],
  ["limits.fileBytes", faultInLimits({ fileBytes: "1" })],
  ["limits.streamBytes", faultInLimits({ streamBytes: -1 })],
  ["limits.streamBytes", faultInLimits({ streamBytes: 0.5 })],
  ["limits.streamBytes", faultInLimits({ streamBytes: Number.NaN })],
  ["chunk", faultInChunk(null)],
  ["chunk.artifact", faultInChunk({})],
  ["chunk.artifact", faultInChunk({ artifact: "../../etc/passwd", bytes: 1 })],
  ["chunk.bytes", faultInChunk({ ...chunk, bytes: 1e12 })],
  ["chunk.requests", faultInChunk({ requests: { length: 3 } })],
  ["chunk.requests.length", faultInChunk({ requests: Array(51).fill({}) })],
  ["batch", faultInBatch(null)],
  ["batch", faultInBatch([batch])],
  ["concurrency", faultInBatch({ ...batch, concurrency: 1e9 })],
  ["concurrency", faultInBatch({ ...batch, concurrency: 0 })],
  ["concurrency", faultInBatch({ ...batch, concurrency: undefined })],
  ["total", faultInBatch({ ...batch, total: 1e9 })],
  ["total", faultInBatch({ ...batch, total: "3" })],
  ["chunks", faultInBatch({ ...batch, chunks: {} })],
  ["chunks.length", faultInBatch({ ...batch, chunks: [] })],
  ["chunks.length", faultInBatch({ ...batch, chunks: manyChunks })],
  ["chunks[1].bytes", faultInBatch({ ...batch, chunks: [chunk, { ...chunk, bytes: 0 }] })],
  ["limits.fileBytes", faultInBatch({ ...batch, limits: { fileBytes: 1e12 } })],
  ["from", faultInBatch({ ...batch, from: 3 })],
  ["from", faultInBatch({ ...batch, from: { chunk: 0 } })],
  ["from.chunk", faultInBatch({ ...batch, from: { chunk: 2, progress } })],
  ["from.progress.started", faultInBatch({ ...batch, from: { chunk: 1, progress: { ...progress, started: -5 } } })],
  [
    "from.progress.outcomes.failed",
    faultInBatch({ ...batch, from: { chunk: 1, progress: { ...progress, outcomes: { failed: "x" } } } }),
  ],
  ["cell", faultInReap(undefined)],
  ["cellId", faultInReap({ ...reap, cellId: "kube-system/coredns" })],
  ["cellId", faultInReap({ ...reap, cellId: 5 })],
  ["backend", faultInReap({ ...reap, backend: "subprocess" })],
  ["ttlMilliseconds", faultInReap({ ...reap, ttlMilliseconds: 1e15 })],
  ["ttlMilliseconds", faultInReap({ ...reap, ttlMilliseconds: "1 day" })],
  ["requester", faultInReap({ ...reap, requester: "x".repeat(2000) })],
])("%s is refused, and named with what came and what is allowed", (field, fault) => {
  expect(fault?.field).toBe(field);
  expect(fault?.message).toMatch(/: got .+; allowed is .+/);
  expect(fault?.message.length).toBeLessThan(300);
});

it("looking for what is nested too deep takes a moment, also in the largest input that a server takes", () => {
  const wide = JSON.parse(`[${"[],".repeat(690_000)}[]]`);
  const began = performance.now();
  expect(faultInDepth("request", { code: "x", metadata: wide })).toBeUndefined();
  // It takes some tens of milliseconds; a workflow task may take 10 s.
  expect(performance.now() - began).toBeLessThan(5000);
});
