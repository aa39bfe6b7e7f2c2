/**
 * What goes into a workflow of ours and comes out of it, as JSON Schema (2020-12) for programs in other languages.
 *
 * @module
 */
import { z } from "zod";
import { type FailureDetails, type FailureKind, failureKinds } from "./failure.ts";
import { requestSchema } from "./request.ts";
import { resultSchema } from "./result.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

const failureSchema = z.object({
  kind: z.enum(Object.keys(failureKinds) as FailureKind[]).describe("which failure it is; also the failure's type"),
  field: z.string().optional().describe("the field of the request that was refused, where there is one"),
  remedy: z.string().describe("what to do next"),
} satisfies Record<keyof FailureDetails, z.ZodType>);

/** Schemas have a name and no address: nothing is fetched from there. */
const named = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
  // First of all, and of the schema itself.
  ...({ $schema: schema.$schema } as JsonSchema),
  ...{ $id: `https://kgents.io/schema/${name}.json`, title: `kgents ${name}`, description },
  ...schema,
});

/** As `io: "output"`, but what a later version adds does not make it wrong for a reader that checks it. */
const openSchema = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, {
    io: "output",
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties;
      // 200 characters about leap years beside `format: date-time`.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });

/** What no single field says, see `parseRequest`: there is code or an entrypoint, and the latter is among the files. */
const together = {
  oneOf: [{ required: ["code"] }, { required: ["entrypoint"] }],
  dependentRequired: { entrypoint: ["files"] },
};

/** JSON Schema of a request as a client writes it: fields with a default are optional. It refuses nothing that a worker accepts. */
export const requestJsonSchema = (): JsonSchema =>
  named("request", "The argument of the workflow executeCode: what to run, with which limits. At most 1 MiB of JSON.", {
    ...z.toJSONSchema(requestSchema, { io: "input" }),
    ...together,
  });

/** JSON Schema of a result. */
export const resultJsonSchema = (): JsonSchema =>
  named(
    "result",
    "What the workflow executeCode returns, whatever became of the code. At most 1 MiB of JSON. Fields may be added.",
    openSchema(resultSchema),
  );

/** JSON Schema of the first detail of the ApplicationFailure with which a run ends that could not be carried out. */
const failureJsonSchema = (): JsonSchema =>
  named(
    "failure",
    "The first detail of the ApplicationFailure of a run that could not be carried out. Fields and kinds may be added.",
    openSchema(failureSchema),
  );

const jsonSchemas = { request: requestJsonSchema, result: resultJsonSchema, failure: failureJsonSchema } as const;

/** The name of a schema: of its file in docs/schema/, and for the command line. */
export type JsonSchemaName = keyof typeof jsonSchemas;

/** All of them. */
export const jsonSchemaNames = Object.keys(jsonSchemas) as JsonSchemaName[];

/** A schema as it is kept and printed. */
export const printedJsonSchema = (name: JsonSchemaName): string => `${JSON.stringify(jsonSchemas[name](), null, 2)}\n`;
