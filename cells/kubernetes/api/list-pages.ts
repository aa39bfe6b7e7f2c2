import type { CallOptions, ClusterApis, ClusterClient, RequestLimits } from "./cluster-client.ts";
import { ClusterError } from "./cluster-error.ts";

/** The page of a list to request, in the parameters of the Kubernetes client. */
export interface Page {
  readonly limit: number;
  readonly _continue?: string;
}

/** One response to a list request. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly metadata?: { readonly resourceVersion?: string; readonly _continue?: string };
}

/** Objects per page. kubectl uses the same number. */
const pageLimit = 500;

/** How often to attempt a list whose continue token expires on the server, which takes about five minutes. */
const attempts = 3;

/**
 * Lists everything, page by page. A response with thousands of objects would cost the API server and this process much
 * memory at once.
 *
 * @param list requests one page
 * @param limits of each page's request
 * @param limit objects in a page. @default 500
 * @returns the objects, and the resource version from which to watch
 * @throws ClusterError
 */
export async function listAll<Item>(
  client: ClusterClient,
  what: string,
  list: (apis: ClusterApis, page: Page, options: CallOptions) => Promise<ListPage<Item>>,
  limits: RequestLimits = {},
  limit: number = pageLimit,
): Promise<{ readonly items: readonly Item[]; readonly version: string | undefined }> {
  for (let attempt = 1; ; attempt += 1) {
    const items: Item[] = [];
    let next: string | undefined;
    try {
      for (;;) {
        const page: Page = { limit, ...(next !== undefined && { _continue: next }) };
        const answer = await client.request(what, (apis, options) => list(apis, page, options), limits);
        items.push(...answer.items);
        next = answer.metadata?._continue || undefined;
        if (next === undefined) return { items, version: answer.metadata?.resourceVersion };
      }
    } catch (error) {
      // The continue token expired.
      const expired = error instanceof ClusterError && error.status === 410 && next !== undefined;
      if (!expired || attempt === attempts) throw error;
    }
  }
}
