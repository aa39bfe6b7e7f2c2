import { Client } from "@temporalio/client";
import { defaultPayloadConverter, type Payload } from "@temporalio/common";

/**
 * A client on the same connection that reads as null what cannot be decoded. Whoever starts a run chooses how its input and its memo are
 * encoded, and one run that this client cannot read must neither hide all others from a list nor keep anybody from cancelling it.
 */
export function tolerantClient({ connection, options }: Client): Client {
  const { payloadConverter, payloadCodecs } = options.loadedDataConverter;
  const orNull = (payload: Payload): Payload => {
    try {
      payloadConverter.fromPayload(payload);
      return payload;
    } catch {
      return defaultPayloadConverter.toPayload(null);
    }
  };
  // Codecs decode from the last to the first: this one sees what the others have made of it.
  const last = { encode: async (payloads: Payload[]) => payloads, decode: async (all: Payload[]) => all.map(orNull) };
  const { namespace, dataConverter } = options;
  return new Client({
    connection,
    namespace,
    dataConverter: { ...dataConverter, payloadCodecs: [last, ...payloadCodecs] },
  });
}
