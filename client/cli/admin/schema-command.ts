import { Argument, type Command } from "commander";
import type { JsonSchemaName } from "#core/contract/json-schema";

const names = [
  "request",
  "result",
  "failure",
  "session",
  "session-updates",
  "session-results",
] as const satisfies readonly JsonSchemaName[];

const help = `
  request           the argument of the workflow executeCode
  result            its result
  failure           the first detail of its failure, if the run could not be carried out
  session           the argument of the workflow codeSession
  session-updates   the arguments of its updates
  session-results   the results of its updates, and the answers to its queries

Examples:
  $ kgents schema request >request.json
  $ kgents schema result | jq .properties.status.enum

How to start a run from another language: docs/any-language.md.`;

/** Declares `kgents schema`. */
export function schemaCommand(program: Command, run: (name: JsonSchemaName) => Promise<void>): void {
  program
    .command("schema")
    .summary("print the JSON Schema of a request, a result, a failure or a session")
    .description("Prints a JSON Schema (2020-12), for programs that start runs with a Temporal SDK of any language.")
    .addArgument(new Argument("<schema>", "the schema").choices(names))
    .addHelpText("after", help)
    .action(run);
}
