import { z } from "zod";
import { mergeLanguages } from "#core/configuration/configuration";
import { strict } from "#core/contract/fields";
import { builtInLanguages } from "#core/contract/language";
import { loadConfiguration } from "#platform/host/configuration-file";
import { defineTool } from "../tool.ts";

/** Lists languages. */
export const listLanguages = defineTool({
  name: "list_languages",
  title: "List languages",
  description: "Lists the values of `language` in run_code and start_code.",
  input: strict({}, "an object without fields"),
  output: z.strictObject({
    languages: z.array(
      z.strictObject({
        name: z.string(),
        aliases: z.array(z.string()),
        command: z.array(z.string()).describe("the interpreter and its arguments"),
        image: z.string().describe("the container image in a cluster"),
      }),
    ),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async (_input, { configurationFile }) => {
    const { configuration } = await loadConfiguration({ path: configurationFile });
    const languages = mergeLanguages(builtInLanguages, configuration).map(({ name, aliases, command, image }) => ({
      name,
      image,
      aliases: [...aliases],
      command: [...command],
    }));
    const lines = languages.map(({ name, aliases }) => (aliases.length > 0 ? `${name} (${aliases.join(", ")})` : name));
    return { structured: { languages }, text: lines.join("\n") };
  },
});
