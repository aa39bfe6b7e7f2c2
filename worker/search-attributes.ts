import type { NativeConnection } from "@temporalio/worker";
import { searchAttributes } from "../core/names.ts";
import { keywordAttributeType } from "../core/temporal-enums.ts";
import type { Logger } from "./logging.ts";

type Operator = Pick<NativeConnection, "operatorService">;

/** Which of our search attributes a namespace has not. */
export async function missingSearchAttributes(connection: Operator, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.values(searchAttributes).filter((name) => customAttributes?.[name] !== keywordAttributeType);
}

/**
 * Sees to it that the namespace has our search attributes.
 *
 * An unregistered one makes a start fail and an upsert block the workflow for ever; so where they are missing and cannot
 * be registered, runs go without them.
 *
 * @returns whether runs may carry them
 */
export async function ensureSearchAttributes(
  connection: Operator,
  namespace: string,
  log: Pick<Logger, "info" | "warn">,
): Promise<boolean> {
  try {
    const absent = await missingSearchAttributes(connection, namespace);
    if (absent.length === 0) return true;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(absent.map((name) => [name, keywordAttributeType])),
    });
    log.info({ absent }, "registered search attributes");
    return (await missingSearchAttributes(connection, namespace)).length === 0;
  } catch (error) {
    log.warn(
      { error: String(error), names: Object.values(searchAttributes) },
      "search attributes are not registered and cannot be registered from here; runs go without them",
    );
    return false;
  }
}
