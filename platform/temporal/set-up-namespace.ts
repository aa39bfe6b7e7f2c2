import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionLike, isGrpcServiceError } from "@temporalio/client";
import { KgentsError } from "#core/contract/error";
import { searchAttributes } from "#core/contract/names";
import { grpcStatus } from "./grpc-status.ts";
import { untilUsable } from "./namespace.ts";
import { toMilliseconds, toProtobufTime } from "./protobuf-time.ts";
import { registerSearchAttributes, searchAttributeState } from "./search-attributes.ts";
import { indexedValueTypes } from "./temporal-enums.ts";

/** The result of a namespace setup. */
export interface NamespaceSetup {
  readonly namespace: string;
  /** `changed`: its retention. */
  readonly action: "created" | "changed" | "unchanged";
  /** How long the history of closed runs is kept, in milliseconds. */
  readonly retentionMilliseconds: number;
  /** The search attributes that this call registered. */
  readonly registered: readonly string[];
}

const refusals: readonly number[] = [grpcStatus.permissionDenied, grpcStatus.unauthenticated];

const isCode = (error: unknown, code: number): boolean => isGrpcServiceError(error) && error.code === code;

/** How long the server's services may take to learn of a change. Each refreshes its namespaces at least every 10 s. */
const usableMilliseconds = 60_000;

/**
 * Ensures that a namespace exists, has the search attributes of runs, and that both can be used. What exists already is
 * left as it is.
 *
 * @param retentionMilliseconds how long history is kept; undefined keeps the retention of an existing namespace
 * @param defaultRetentionMilliseconds the retention of a new namespace if `retentionMilliseconds` is undefined
 * @throws KgentsError `forbidden` if the server denies it, `namespace-conflict` if a search attribute of our name has
 * another type
 */
export async function setUpNamespace(
  connection: ConnectionLike,
  namespace: string,
  retentionMilliseconds: number | undefined,
  defaultRetentionMilliseconds: number,
): Promise<NamespaceSetup> {
  const retention = retentionMilliseconds ?? defaultRetentionMilliseconds;
  const present = await retentionOf(connection, namespace);
  const deadline = performance.now() + usableMilliseconds;
  let action: NamespaceSetup["action"] = "unchanged";
  if (present === undefined) {
    action = (await createNamespace(connection, namespace, retention)) ? "created" : "unchanged";
    await untilUsable(connection, namespace, deadline);
  } else if (retentionMilliseconds !== undefined && retentionMilliseconds !== present) {
    await allowed(`change the retention of the namespace ${namespace}`, cloudRemedy.retention, () =>
      connection.workflowService.updateNamespace({
        namespace,
        config: { workflowExecutionRetentionTtl: toProtobufTime(retentionMilliseconds) },
      }),
    );
    action = "changed";
  }
  const registered = await setUpSearchAttributes(connection, namespace, deadline);
  return {
    namespace,
    action,
    registered,
    retentionMilliseconds: action === "unchanged" ? (present ?? retention) : retention,
  };
}

/** Remedies if someone else operates the namespace, as in Temporal Cloud. */
const cloudRemedy = {
  namespace: "Ask whoever runs the server for the namespace; in Temporal Cloud make it in its UI or with `tcld`.",
  retention: "Leave --retention out; in Temporal Cloud change it with `tcld namespace retention set`.",
  attributes: `Ask whoever runs the server for the search attributes ${Object.values(searchAttributes).join(", ")}, of type Keyword; in Temporal Cloud add them with \`tcld namespace search-attributes add\`.`,
};

/** Runs an operation that needs rights. @throws KgentsError `forbidden` with the remedy */
async function allowed<Answer>(what: string, remedy: string, action: () => Promise<Answer>): Promise<Answer> {
  try {
    return await action();
  } catch (error) {
    if (!isGrpcServiceError(error) || !refusals.includes(error.code)) throw error;
    const message = `the server does not let this client ${what}: ${error.details}`;
    throw new KgentsError("forbidden", message, { cause: error, remedy });
  }
}

async function retentionOf({ workflowService }: ConnectionLike, namespace: string): Promise<number | undefined> {
  try {
    const { config } = await allowed(`look at the namespace ${namespace}`, cloudRemedy.namespace, () =>
      workflowService.describeNamespace({ namespace }),
    );
    return toMilliseconds(config?.workflowExecutionRetentionTtl);
  } catch (error) {
    if (isCode(error, grpcStatus.notFound)) return undefined;
    throw error;
  }
}

/** @returns whether this call created it, rather than a concurrent one */
async function createNamespace(
  { workflowService }: ConnectionLike,
  namespace: string,
  retentionMilliseconds: number,
): Promise<boolean> {
  try {
    await allowed(`create the namespace ${namespace}`, cloudRemedy.namespace, () =>
      workflowService.registerNamespace({
        namespace,
        description: "Runs of kgents",
        workflowExecutionRetentionPeriod: toProtobufTime(retentionMilliseconds),
      }),
    );
    return true;
  } catch (error) {
    if (isCode(error, grpcStatus.alreadyExists)) return false;
    throw error;
  }
}

/** @returns the attributes that were missing */
async function setUpSearchAttributes(
  connection: ConnectionLike,
  namespace: string,
  deadline: number,
): Promise<readonly string[]> {
  const state = () =>
    allowed("list search attributes", cloudRemedy.attributes, () => searchAttributeState(connection, namespace));
  const { missing, ofAnotherType } = await state();
  const [conflict] = ofAnotherType;
  if (conflict) {
    const { name, type } = conflict;
    throw new KgentsError(
      "namespace-conflict",
      `the namespace ${namespace} has a search attribute ${name} of type ${indexedValueTypes[type] ?? type}, and runs need it as Keyword`,
    );
  }
  if (missing.length > 0) {
    await allowed("register search attributes", cloudRemedy.attributes, () =>
      registerSearchAttributes(connection, namespace, missing),
    );
  }
  await untilSearchable(connection, namespace, deadline);
  return missing;
}

/** Waits until a query can use the attributes. Before that, a run with one of them cannot start. */
async function untilSearchable(
  { workflowService }: ConnectionLike,
  namespace: string,
  deadline: number,
): Promise<void> {
  const query = Object.values(searchAttributes)
    .map((name) => `${name} = 'x'`)
    .join(" OR ");
  for (;;) {
    try {
      await workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (error) {
      if (!isCode(error, grpcStatus.invalidArgument) || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}
