/**
 * Sends one request for an object of any kind. The generated API drops the headers of a response, among them the
 * server's warnings, and renames fields of kinds that it does not know.
 *
 * @module
 */
import type { CallOptions, ClusterClient } from "./cluster-client.ts";

/** A request for an object. */
export interface ObjectRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Parameters that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** @default application/json */
  readonly contentType?: string;
}

/** A response with its warnings. */
export interface ObjectResponse<Answer> {
  readonly body: Answer;
  /** The texts of the `Warning` headers, such as those of Pod Security. */
  readonly warnings: readonly string[];
}

/** Reads the texts of the `Warning` headers, which fetch joins with commas: `299 - "first", 299 - "second"`. */
export const readWarnings = (header: string | undefined): readonly string[] =>
  [...(header ?? "").matchAll(/\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text]) =>
    (text ?? "").replace(/\\(.)/g, "$1"),
  );

/**
 * Sends a request once.
 *
 * @param options of the call, from {@link ClusterClient.request}
 * @param permit called immediately before the request is sent; the request is not sent if it throws
 * @throws an error with `code` and `body` if the server refuses
 */
export async function sendObject<Answer>(
  { module, config }: Pick<ClusterClient, "module" | "config">,
  { method, path, query = {}, body, contentType = "application/json" }: ObjectRequest,
  options: CallOptions,
  permit: () => void = () => {},
): Promise<ObjectResponse<Answer>> {
  const credentials = config();
  const context = new module.RequestContext(`${credentials.getCurrentCluster()?.server ?? ""}${path}`, method);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) context.setQueryParam(name, String(value));
  }
  if (body !== undefined) {
    context.setHeaderParam("Content-Type", contentType);
    context.setBody(JSON.stringify(body));
  }
  await credentials.applySecurityAuthentication(context);
  // Sets the signal of the call, and the shared connections.
  for (const { pre } of options.middleware ?? []) pre(context);
  permit();
  const response = await new module.IsomorphicFetchHttpLibrary().send(context).toPromise();
  const text = await response.body.text();
  if (response.httpStatusCode >= 300) {
    throw new module.ApiException(response.httpStatusCode, "refused", text, response.headers);
  }
  return { body: JSON.parse(text), warnings: readWarnings(response.headers.warning) };
}
