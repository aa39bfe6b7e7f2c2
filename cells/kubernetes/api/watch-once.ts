import type { ClusterClient } from "./cluster-client.ts";
import { ClusterError } from "./cluster-error.ts";

/** What a watch reads of an object. The client's types and plain JSON both have it. */
export interface VersionedObject {
  readonly metadata?:
    | {
        readonly name?: string | undefined;
        readonly namespace?: string | undefined;
        readonly resourceVersion?: string | undefined;
      }
    | undefined;
}

/** The parameters of one watch. */
interface WatchRequest {
  readonly path: string;
  /** @default all objects */
  readonly labelSelector?: string | undefined;
  /** @default all objects */
  readonly fieldSelector?: string | undefined;
  /** The resource version at which the watch starts. */
  readonly version: string | undefined;
  /** How long the watch may be silent, in milliseconds. */
  readonly silence: number;
  readonly signal: AbortSignal;
}

/** How a watch ended. */
export type WatchEnd =
  /** It ended normally or was silent for too long; continue from the version. */
  | { readonly end: "over"; readonly version: string | undefined }
  /** The resource version is too old (410); list again. */
  | { readonly end: "expired" }
  | { readonly end: "failed"; readonly error: unknown };

const statusOf = (error: unknown): number | undefined => {
  const { statusCode, status }: { statusCode?: unknown; status?: unknown } =
    typeof error === "object" && error !== null ? error : {};
  return [statusCode, status].find((value) => typeof value === "number");
};

/** Converts the error that the server sends as the last object of a watch. */
function toStatusError(path: string, status: object): ClusterError {
  const { message, code }: { message?: unknown; code?: unknown } = status;
  return new ClusterError(`watching ${path}`, String(message ?? "the server ended the watch with an error"), {
    status: typeof code === "number" ? code : undefined,
  });
}

/** Reloads a rejected credential. Returns the reload's error if it fails, since it explains more. */
function reloaded(client: ClusterClient, refusal: unknown): unknown {
  try {
    client.reload();
    return refusal;
  } catch (error) {
    return error;
  }
}

const isTimeOut = (error: unknown): boolean => error instanceof Error && error.name === "TimeoutError";

/**
 * Runs one watch until it ends; never rejects.
 *
 * @param take called with each object. The client discards its exceptions, so an exception ends the watch here
 */
export function watchOnce<Raw extends VersionedObject>(
  client: ClusterClient,
  { path, labelSelector, fieldSelector, version, silence, signal }: WatchRequest,
  take: (type: string, object: Raw) => void,
): Promise<WatchEnd> {
  return new Promise((resolve) => {
    let latest = version;
    let settled = false;
    let connection: AbortController | undefined;
    let timer: NodeJS.Timeout | undefined;
    const settle = (end: WatchEnd): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve(end);
      connection?.abort();
    };
    const over = (): void => settle({ end: "over", version: latest });
    const fail = (error: unknown): void => {
      const status = statusOf(error);
      if (status === 410) settle({ end: "expired" });
      // The client's own silence time-out.
      else if (isTimeOut(error)) over();
      else settle({ end: "failed", error: status === 401 ? reloaded(client, error) : error });
    };
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(over, silence);
    };
    const onEvent = (type: string, object: Raw): void => {
      if (settled) return;
      try {
        heard();
        if (type === "ERROR") throw toStatusError(path, object);
        latest = object.metadata?.resourceVersion ?? latest;
        // A bookmark only carries a resource version.
        if (type !== "BOOKMARK") take(type, object);
      } catch (error) {
        fail(error);
      }
    };
    signal.addEventListener("abort", over, { once: true });
    heard();
    if (signal.aborted) {
      over();
      return;
    }
    const query = { labelSelector, fieldSelector, resourceVersion: version, allowWatchBookmarks: true };
    // Rejects if there is no credential, because its plugin failed.
    new client.module.Watch(client.config())
      .watch(path, query, onEvent, (error) => (error ? fail(error) : over()))
      .then((opened) => {
        connection = opened;
        if (settled) opened.abort();
      }, fail);
  });
}
