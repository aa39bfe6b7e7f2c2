/**
 * The inputs and the outputs of the workflows `executeCode` and `codeSession` as JSON Schema (2020-12), for programs in other languages.
 *
 * @module
 */
import { z } from "zod";
import { type FailureDetails, type FailureKind, failureKinds } from "./failure.ts";
import { requestSchema } from "./request.ts";
import { resultSchema } from "./result.ts";
import { queryAnswers, updateArguments, updateResults } from "./session/json-schema.ts";
import { sessionSchema } from "./session/session.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

const failureSchema = z.object({
  kind: z
    .enum(Object.keys(failureKinds) as FailureKind[])
    .describe("the kind of failure, which is also the type of the ApplicationFailure"),
  field: z.string().optional().describe("the field of the request that was refused, if any"),
  remedy: z.string().describe("what to do next"),
} satisfies Record<keyof FailureDetails, z.ZodType>);

/** Adds name and description to a schema. The `$id` is an identifier only; nothing is fetched from it. */
const named = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
  // Put first, so that `$schema` is the first key of the printed schema.
  ...({ $schema: schema.$schema } as JsonSchema),
  $id: `https://kgents.io/schema/${name}.json`,
  title: `kgents ${name}`,
  description,
  ...schema,
});

/** The output schema without `additionalProperties`: fields that a later version adds stay valid. */
const openSchema = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, {
    io: "output",
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties;
      // Redundant beside `format: date-time`, and 200 characters long.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });

/**
 * The checks across fields, see `parseRequest`: either `code` or `entrypoint` is set, and an entrypoint requires
 * `files`.
 */
const together = {
  oneOf: [{ required: ["code"] }, { required: ["entrypoint"] }],
  dependentRequired: { entrypoint: ["files"] },
};

/**
 * JSON Schema of a request as a client writes it: fields with a default are optional. It accepts every request that a
 * worker accepts.
 */
export const requestJsonSchema = (): JsonSchema =>
  named("request", "The argument of the workflow executeCode: what to run, with which limits. At most 1 MiB of JSON.", {
    ...z.toJSONSchema(requestSchema, { io: "input" }),
    ...together,
  });

/** JSON Schema of a result. */
export const resultJsonSchema = (): JsonSchema =>
  named(
    "result",
    "The result of the workflow executeCode, for every status of the code. At most 1 MiB of JSON. Fields may be added.",
    openSchema(resultSchema),
  );

/** JSON Schema of the first ApplicationFailure detail of a run that could not be carried out. */
const failureJsonSchema = (): JsonSchema =>
  named(
    "failure",
    "The first detail of the ApplicationFailure of a run that could not be carried out. Fields and kinds may be added.",
    openSchema(failureSchema),
  );

/** JSON Schema of a session as a client writes it: every field has a default. */
const sessionJsonSchema = (): JsonSchema =>
  named("session", "The argument of the workflow codeSession: the cell that a session keeps, and how long.", {
    ...z.toJSONSchema(sessionSchema, { io: "input" }),
  });

/** JSON Schema of the argument of each update of a session: a property for each. */
const sessionUpdatesJsonSchema = (): JsonSchema =>
  named(
    "session-updates",
    "The argument of each update of the workflow codeSession, by the update's name. At most 1 MiB of JSON.",
    { ...z.toJSONSchema(updateArguments, { io: "input" }) },
  );

/** JSON Schema of the result of each update of a session, and of the answer to each query: a property for each. */
const sessionResultsJsonSchema = (): JsonSchema =>
  named(
    "session-results",
    "The results of the updates and the answers to the queries of the workflow codeSession, by name. Fields may be added.",
    openSchema(z.object({ updates: updateResults, queries: queryAnswers })),
  );

const jsonSchemas = {
  request: requestJsonSchema,
  result: resultJsonSchema,
  failure: failureJsonSchema,
  session: sessionJsonSchema,
  "session-updates": sessionUpdatesJsonSchema,
  "session-results": sessionResultsJsonSchema,
} as const;

/** The name of a schema: its file name in docs/schema/ and its name on the command line. */
export type JsonSchemaName = keyof typeof jsonSchemas;

/** The names of all schemas. */
export const jsonSchemaNames = Object.keys(jsonSchemas) as JsonSchemaName[];

/** A schema as text, as in docs/schema/ and on the command line. */
export const printedJsonSchema = (name: JsonSchemaName): string => `${JSON.stringify(jsonSchemas[name](), null, 2)}\n`;
