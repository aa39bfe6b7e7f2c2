import { Client } from "@temporalio/client";
import { defaultPayloadConverter, type Payload } from "@temporalio/common";

/**
 * A client on the same connection that reads payloads as null if they cannot be decoded. The starter of a run chooses
 * how its input and memo are encoded. A run that this client cannot read must not break lists of runs, and it must stay
 * cancellable.
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
  // Codecs decode from last to first, so this one gets the output of the others.
  const last = { encode: async (payloads: Payload[]) => payloads, decode: async (all: Payload[]) => all.map(orNull) };
  const { namespace, dataConverter } = options;
  return new Client({
    connection,
    namespace,
    dataConverter: { ...dataConverter, payloadCodecs: [last, ...payloadCodecs] },
  });
}
