import { defaultFailureConverter, defaultPayloadConverter, type Payload, type PayloadCodec } from "@temporalio/common";
import { expect, it } from "vitest";
import { decodeFirst } from "#client/sdk/temporal/decode-first";

/** A codec that appends a byte, and accepts only data that ends with it. */
const adding = (byte: number): PayloadCodec => ({
  encode: async (payloads) =>
    payloads.map(({ data, ...rest }) => ({ ...rest, data: Buffer.from([...(data ?? []), byte]) })),
  decode: async (payloads) =>
    payloads.map(({ data, ...rest }) => {
      expect(data?.at(-1)).toBe(byte);
      return { ...rest, data: data?.slice(0, -1) ?? new Uint8Array() };
    }),
});

async function encoded(value: unknown, codecs: readonly PayloadCodec[]): Promise<Payload[]> {
  let payloads = [defaultPayloadConverter.toPayload(value)];
  for (const codec of codecs) payloads = await codec.encode(payloads);
  return payloads;
}

it("heartbeats and requests are read by the client's data converter, its codecs last to first", async () => {
  const payloadCodecs = [adding(1), adding(2)];
  const loadedDataConverter = {
    payloadConverter: defaultPayloadConverter,
    failureConverter: defaultFailureConverter,
    payloadCodecs,
  };
  const client = { options: { loadedDataConverter } };
  const value = { phase: "executing", bytes: { stdout: 3 } };
  expect(await decodeFirst(client, { payloads: await encoded(value, payloadCodecs) })).toEqual(value);
  for (const nothing of [undefined, null, {}, { payloads: null }, { payloads: [] }]) {
    expect(await decodeFirst(client, nothing)).toBeUndefined();
  }
});
