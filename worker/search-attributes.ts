import type { NativeConnection } from "@temporalio/worker";
import { searchAttributes } from "../core/names.ts";
import type { Logger } from "./logging.ts";

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const keyword = 2;

/**
 * Sees to it that the namespace has our search attributes.
 *
 * An unregistered one makes a start fail and an upsert block the workflow for ever; so where they are missing and cannot
 * be registered, runs go without them.
 *
 * @returns whether runs may carry them
 */
export async function ensureSearchAttributes(
  connection: Pick<NativeConnection, "operatorService">,
  namespace: string,
  log: Pick<Logger, "info" | "warn">,
): Promise<boolean> {
  const names = Object.values(searchAttributes);
  const missing = async (): Promise<string[]> => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return names.filter((name) => customAttributes?.[name] !== keyword);
  };
  try {
    const absent = await missing();
    if (absent.length === 0) return true;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(absent.map((name) => [name, keyword])),
    });
    log.info({ absent }, "registered search attributes");
    return (await missing()).length === 0;
  } catch (error) {
    log.warn(
      { error: String(error), names },
      "search attributes are not registered and cannot be registered from here; runs go without them",
    );
    return false;
  }
}
