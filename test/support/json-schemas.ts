/** The JSON Schemas of docs/schema/, as a validator of another language's program applies them. */
import { readFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type JsonSchemaName, jsonSchemaNames } from "#core/contract/json-schema";

/** The text of a schema as it is kept. */
export const keptJsonSchema = (name: JsonSchemaName): Promise<string> =>
  readFile(new URL(`../../docs/schema/${name}.json`, import.meta.url), "utf8");

// Formats say more to people than to validators, which need not know them.
const compiler = new Ajv2020({ strictTypes: false, validateFormats: false });
for (const name of jsonSchemaNames) compiler.addSchema(JSON.parse(await keptJsonSchema(name)), name);

/** What is wrong with a value, once it has become JSON. */
export function schemaErrors(name: JsonSchemaName, value: unknown): readonly unknown[] {
  const json = JSON.stringify(value);
  compiler.validate(name, json === undefined ? undefined : JSON.parse(json));
  return compiler.errors ?? [];
}
