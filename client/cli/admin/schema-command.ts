import { Argument, type Command } from "commander";
import type { JsonSchemaName } from "#core/contract/json-schema";

const names = ["request", "result", "failure"] as const satisfies readonly JsonSchemaName[];

const help = `
  request   the argument of the workflow executeCode
  result    its result
  failure   the first detail of its failure, if the run could not be carried out

Examples:
  $ kgents schema request >request.json
  $ kgents schema result | jq .properties.status.enum

How to start a run from another language: docs/any-language.md.`;

/** Declares `kgents schema`. */
export function schemaCommand(program: Command, run: (name: JsonSchemaName) => Promise<void>): void {
  program
    .command("schema")
    .summary("print the JSON Schema of a request, a result or a failure")
    .description("Prints a JSON Schema (2020-12), for programs that start runs with a Temporal SDK of any language.")
    .addArgument(new Argument("<schema>", "the schema").choices(names))
    .addHelpText("after", help)
    .action(run);
}
