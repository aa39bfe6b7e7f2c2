import type { LoadedDataConverter, Payload } from "@temporalio/common";

type Payloads = { readonly payloads?: Payload[] | null } | null | undefined;

/**
 * Decodes the first payload of an event or heartbeat with the client's own data converter, because payloads may be
 * encrypted. Undefined if there is none.
 */
export async function decodeFirst(
  client: { readonly options: { readonly loadedDataConverter: LoadedDataConverter } },
  payloads: Payloads,
): Promise<unknown> {
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let encoded = payloads?.payloads ?? [];
  if (encoded.length === 0) return undefined;
  for (const codec of payloadCodecs.toReversed()) encoded = await codec.decode(encoded);
  const [first] = encoded;
  return first && payloadConverter.fromPayload(first);
}
