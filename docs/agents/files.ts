/** The files that are written from the schema of Agents, each with its text. */
import { stringify } from "yaml";
import { agentCrd } from "#core/agents/crd";
import { agentReference } from "./reference.ts";

const crdFile = (): string =>
  `# The definition of Agents. Written by \`npm run docs:schema\`; \`kgents infra crd\` installs and upgrades it.
${stringify(agentCrd(), { lineWidth: 0 })}`;

/** The texts by their paths from the root of the repository. */
export const agentFiles = (): Readonly<Record<string, string>> => ({
  "deploy/agents/1-crd.yaml": crdFile(),
  "docs/agents-reference.md": agentReference(),
});
