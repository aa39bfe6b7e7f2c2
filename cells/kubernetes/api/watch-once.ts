import type { KubernetesObject } from "@kubernetes/client-node";
import type { ClusterClient } from "./cluster-client.ts";
import { ClusterError } from "./cluster-error.ts";

/** What is watched, and for how long. */
interface WatchRequest {
  readonly path: string;
  readonly labelSelector: string;
  /** Where the watch begins. */
  readonly version: string | undefined;
  /** How long nothing may come, in milliseconds. */
  readonly silence: number;
  readonly signal: AbortSignal;
}

/** How a watch ended. */
export type WatchEnd =
  /** In order, or in silence: the next one goes on from the version. */
  | { readonly end: "over"; readonly version: string | undefined }
  /** The server no longer knows the version (410): a new list is needed. */
  | { readonly end: "expired" }
  | { readonly end: "failed"; readonly error: unknown };

const statusOf = (error: unknown): number | undefined => {
  const { statusCode, status }: { statusCode?: unknown; status?: unknown } =
    typeof error === "object" && error !== null ? error : {};
  return [statusCode, status].find((value) => typeof value === "number");
};

/** The error that the server sends as the last object of a watch. */
function toStatusError(path: string, status: object): ClusterError {
  const { message, code }: { message?: unknown; code?: unknown } = status;
  return new ClusterError(`watching ${path}`, String(message ?? "the server ended the watch with an error"), {
    status: typeof code === "number" ? code : undefined,
  });
}

/** Reads the credential again, which the server did not take. What goes wrong with that explains more. */
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
 * One watch, until it ends in whatever way; never rejects.
 *
 * @param take called with each object; the client discards what it throws, so that is the end of the watch here
 */
export function watchOnce<Raw extends KubernetesObject>(
  client: ClusterClient,
  { path, labelSelector, version, silence, signal }: WatchRequest,
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
      // The client's own bound on silence.
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
        // A bookmark only says how far the server is.
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
    const query = { labelSelector, resourceVersion: version, allowWatchBookmarks: true };
    // It rejects where there is no credential: a plugin that makes it failed.
    new client.module.Watch(client.config())
      .watch(path, query, onEvent, (error) => (error ? fail(error) : over()))
      .then((opened) => {
        connection = opened;
        if (settled) opened.abort();
      }, fail);
  });
}
