/** docker-compose.yml with all variables resolved, by compose's own parser. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOrFail } from "../support/run.ts";

/** The root of the checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The fields of a service that are used here. */
export interface ComposeService {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly entrypoint?: readonly string[] | null;
  readonly command?: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly [field: string]: unknown;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** @param profiles the profiles whose services are included. @default both */
export async function composeFile(
  programs: string,
  profiles: readonly string[] = ["dev", "prod"],
): Promise<ComposeFile> {
  const files = [join(root, "docker-compose.yml"), join(root, ".env.example")];
  return JSON.parse(await runOrFail([join(programs, "compose"), ...files, ...profiles])) as ComposeFile;
}

/** Finds a service by name. */
export function serviceOf({ services }: ComposeFile, name: string): ComposeService {
  const found = services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}
