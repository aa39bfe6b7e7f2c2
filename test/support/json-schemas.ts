/** The JSON Schemas of docs/schema/, applied as a validator in another language would. */
import { readFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type JsonSchemaName, jsonSchemaNames } from "#core/contract/json-schema";

/** The text of a stored schema. */
export const keptJsonSchema = (name: JsonSchemaName): Promise<string> =>
  readFile(new URL(`../../docs/schema/${name}.json`, import.meta.url), "utf8");

// Formats are documentation; validators need not support them.
const compiler = new Ajv2020({ strictTypes: false, validateFormats: false });
for (const name of jsonSchemaNames) compiler.addSchema(JSON.parse(await keptJsonSchema(name)), name);

/** The errors of a value after its conversion to JSON. */
export function schemaErrors(name: JsonSchemaName, value: unknown): readonly unknown[] {
  const json = JSON.stringify(value);
  compiler.validate(name, json === undefined ? undefined : JSON.parse(json));
  return compiler.errors ?? [];
}
