import type { NativeConnection } from "@temporalio/worker";
import { searchAttributes } from "#core/contract/names";
import { keywordAttributeType } from "./temporal-enums.ts";

type Operator = Pick<NativeConnection, "operatorService">;

/** The state of our search attributes in a namespace. */
interface SearchAttributeState {
  readonly missing: readonly string[];
  /** Attributes with our names that are registered with another type, by its number. */
  readonly ofAnotherType: readonly { readonly name: string; readonly type: number }[];
}

/** Reads the state of our search attributes in a namespace. */
export async function searchAttributeState(connection: Operator, namespace: string): Promise<SearchAttributeState> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const found = Object.values(searchAttributes).map((name) => ({ name, type: customAttributes?.[name] }));
  return {
    missing: found.filter(({ type }) => type === undefined).map(({ name }) => name),
    ofAnotherType: found.flatMap(({ name, type }) =>
      type === undefined || type === keywordAttributeType ? [] : [{ name, type }],
    ),
  };
}

/** Our search attributes that a namespace lacks or has with another type. */
export async function missingSearchAttributes(connection: Operator, namespace: string): Promise<string[]> {
  const { missing, ofAnotherType } = await searchAttributeState(connection, namespace);
  return [...missing, ...ofAnotherType.map(({ name }) => name)];
}

/** Registers the given search attributes with the type Keyword. */
export async function registerSearchAttributes(
  connection: Operator,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(names.map((name) => [name, keywordAttributeType])),
  });
}

/** A structured log. */
interface Log {
  readonly info: (about: object, message: string) => void;
  readonly warn: (about: object, message: string) => void;
}

/**
 * Ensures that the namespace has our search attributes.
 *
 * With an unregistered one, a start fails and an upsert blocks the workflow for ever. If they are missing and cannot be
 * registered, runs therefore go without them.
 *
 * @returns whether runs may have them
 */
export async function ensureSearchAttributes(connection: Operator, namespace: string, log: Log): Promise<boolean> {
  try {
    const absent = await missingSearchAttributes(connection, namespace);
    if (absent.length === 0) return true;
    await registerSearchAttributes(connection, namespace, absent);
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
