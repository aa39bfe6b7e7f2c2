import type { AgentsReport, ListedAgent, ServedNamespace } from "../../../agents/cluster/list-agents.ts";
import { ageInWords } from "../../runs/age.ts";
import { type Column, table } from "../../terminal/table.ts";

const columns: readonly Column<ListedAgent>[] = [
  { title: "NAMESPACE", text: ({ namespace }) => namespace, optional: 2 },
  { title: "NAME", text: ({ name }) => name },
  { title: "GENUS", text: ({ genus }) => genus, optional: 1 },
  { title: "READY", text: ({ ready, replicas }) => `${ready}/${replicas}` },
  { title: "PHASE", text: ({ phase }) => phase },
  { title: "REASON", text: ({ reason }) => reason },
  { title: "WHY", text: ({ message }) => message.split("\n")[0] ?? "", optional: 3 },
];

/** How long ago something was, after a comma and a verb; empty if nobody knows. */
function ago(verb: string, at: string | null | undefined): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at ?? "")) / 1000));
  return Number.isNaN(seconds) ? "" : `, ${verb} ${ageInWords(seconds)}`;
}

function operatorInWords({ namespace, state }: ServedNamespace): string {
  if (state === null) return `not readable in ${namespace}`;
  const { leader, isLive, renewedAt } = state;
  if (isLive) return `${leader} leads in ${namespace}`;
  if (leader === undefined) return `none in ${namespace}: start \`kgents operator\``;
  return `none in ${namespace}: ${leader} does not renew its Lease${ago("last renewed", renewedAt)}`;
}

/** What the canary found; nothing where the namespace cannot be read. */
function isolationInWords({ namespace, isolation: verdict }: ServedNamespace): string[] {
  if (verdict === null) return [];
  const { isolation, reason, checkedAt } = verdict;
  const why = reason === null ? "" : `: ${reason}`;
  const remedy = isolation === "enforced" ? "" : "; run `kgents infra init --agents`";
  return [`${isolation} in ${namespace}${ago("checked", checkedAt)}${why}${remedy}`];
}

/**
 * The Agents, for `kgents infra status`.
 *
 * @param width of the terminal; undefined for no limit
 */
export function agentsInWords({ installed, unreadable, agents, operators }: AgentsReport, width?: number): string[] {
  const row = (name: string, words: string): string => `${name.padEnd(11)}${words}`;
  if (!installed) return [row("Agents", "not installed: `kgents infra crd` installs the kind Agent")];
  if (unreadable !== null) return [row("Agents", `not readable: ${unreadable}`)];
  const lines = agents.length === 0 ? [] : table(columns, agents, width === undefined ? undefined : width - 2);
  return [
    row("Agents", agents.length === 0 ? "none" : String(agents.length)),
    ...lines.map((line) => `  ${line}`),
    ...operators.map((served) => row("Operator", operatorInWords(served))),
    ...operators.flatMap(isolationInWords).map((words) => row("Isolation", words)),
  ];
}
