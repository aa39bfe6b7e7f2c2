/**
 * Calls about a namespace to a server's HTTP API.
 *
 * @module
 */
import { grpcStatus } from "#platform/temporal/grpc-status";
import { type HttpApi, HttpApiStatus, type HttpCall } from "#platform/temporal/http-api";
import type { HttpHistory } from "./http-messages.ts";
import { type Problem, TemporalError } from "./problem.ts";
import type { RunReference } from "./run-service.ts";

/** Deadlines in milliseconds, the same as by gRPC: see open-connection.ts. */
const callMilliseconds = 30_000;
export const longPollMilliseconds = 75_000;

type Rest = Pick<HttpCall, "query" | "body"> & { readonly milliseconds?: number };

/**
 * Calls that fail with a TemporalError for a status of the server, and with HttpApiUnreachable if there is no answer of
 * the API.
 */
export interface HttpCalls {
  readonly get: <Answer>(path: readonly string[], rest?: Rest) => Promise<Answer>;
  readonly post: <Answer>(path: readonly string[], rest?: Rest) => Promise<Answer>;
  /** A page of a history. */
  readonly history: (run: RunReference, rest: Rest) => Promise<HttpHistory>;
}

function problemOfStatus({ code, message, details }: HttpApiStatus): Problem {
  const missing = details.find(({ "@type": type }) => type?.endsWith(".NamespaceNotFoundFailure"));
  if (missing) return { kind: "no-namespace", namespace: missing.namespace ?? "" };
  if (code === grpcStatus.cancelled) return { kind: "closed" };
  if (code === grpcStatus.notFound) return { kind: "not-found" };
  if (code === grpcStatus.alreadyExists) return { kind: "already-started" };
  return { kind: "unanswered", code, details: message };
}

export function httpCalls(api: HttpApi, namespace: string): HttpCalls {
  const call = <Answer>(method: HttpCall["method"], path: readonly string[], rest: Rest = {}): Promise<Answer> =>
    api
      .call<Answer>({ milliseconds: callMilliseconds, ...rest, method, path: ["namespaces", namespace, ...path] })
      .catch((error) => {
        if (!(error instanceof HttpApiStatus)) throw error;
        throw new TemporalError(error.message, problemOfStatus(error), { cause: error });
      });
  const get: HttpCalls["get"] = (path, rest) => call("GET", path, rest);
  return {
    get,
    post: (path, rest) => call("POST", path, rest),
    history: ({ workflowId, runId }, { query, ...rest }) =>
      get(["workflows", workflowId, "history"], {
        ...rest,
        query: { "execution.runId": runId, skipArchival: "true", ...query },
      }),
  };
}
