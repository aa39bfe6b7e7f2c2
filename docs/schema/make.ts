/** Writes the JSON Schemas beside this file. A test says when they are not what the code has. */
import { writeFile } from "node:fs/promises";
import { jsonSchemaNames, printedJsonSchema } from "#core/contract/json-schema";

for (const name of jsonSchemaNames) {
  await writeFile(new URL(`${name}.json`, import.meta.url), printedJsonSchema(name));
}
