/**
 * The packages that a request asks for: by its field `packages`, and by what the code or a file says itself.
 *
 * @module
 */
import { text } from "node:stream/consumers";
import { parse } from "smol-toml";
import type { KgentsError } from "#core/contract/error";
import type { Language } from "#core/contract/language";
import { refuse } from "#core/contract/refusal";
import type { Content, ExecutionSpec } from "#core/contract/request";
import { ecosystemOf, type WantedPackages } from "#core/packages/environment";
import { inlineBlockOf } from "#core/packages/inline-block";
import { npmRule, parseNpmSpec } from "#core/packages/npm-spec";
import { pythonPackageOf, pythonRule } from "#core/packages/python-requirement";
import { messageOf } from "#core/text/message-of";
import { type OpenBlob, openContent } from "#platform/store/open-content";

/** The most packages that code or a file may name. */
const maximumPackages = 256;

const invalid = (field: string, got: string, allowed: string): KgentsError =>
  refuse("invalid-request", field, got, allowed);

/** What a request or a session names. */
interface NamedPackages extends Pick<ExecutionSpec, "language"> {
  readonly packages?: Pick<NonNullable<ExecutionSpec["packages"]>, "python" | "npm"> | undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Refuses packages for a language that has none of the kind. */
function checkLanguage(
  { packages = {}, language }: NamedPackages,
  ecosystem: WantedPackages["ecosystem"] | null,
): void {
  for (const kind of ["python", "npm"] as const) {
    if (kind === ecosystem || !packages[kind]?.length) continue;
    const languages = kind === "python" ? "python" : "javascript or typescript";
    throw invalid(`packages.${kind}`, `packages for the language ${language}`, `packages for ${languages}`);
  }
}

/** The block of a script, as far as it concerns packages. */
function readBlock(code: string): Pick<WantedPackages, "requirements" | "requiresPython"> | undefined {
  const field = "code (its block `# /// script`)";
  let block: Record<string, unknown>;
  try {
    const toml = inlineBlockOf(code);
    if (toml === undefined) return undefined;
    block = parse(toml);
  } catch (error) {
    throw invalid(field, messageOf(error).split("\n")[0] ?? "", "one block of TOML, see PEP 723");
  }
  const { dependencies = [], "requires-python": requiresPython } = block;
  if (!Array.isArray(dependencies) || dependencies.length > maximumPackages) {
    throw invalid(`${field}: dependencies`, "another value", `a list of at most ${maximumPackages} packages`);
  }
  const requirements = dependencies.map((each: unknown) => {
    if (typeof each === "string" && pythonPackageOf(each) !== undefined) return each;
    throw invalid(`${field}: dependencies`, JSON.stringify(each) ?? "nothing", pythonRule);
  });
  if (requiresPython === undefined) return { requirements };
  if (typeof requiresPython === "string") return { requirements, requiresPython };
  throw invalid(`${field}: requires-python`, "another value", 'versions of Python, such as ">=3.11"');
}

/** The dependencies in the package.json of a project. */
function readPackageJson(content: string): string[] {
  const field = "files.package.json: dependencies";
  let dependencies: unknown;
  try {
    dependencies = (JSON.parse(content) as { dependencies?: unknown } | null)?.dependencies ?? {};
  } catch {
    // Whether it is valid is a matter of the code: it may be read by nobody.
    return [];
  }
  if (!isRecord(dependencies) || Object.keys(dependencies).length > maximumPackages) {
    throw invalid(field, "another value", `an object with at most ${maximumPackages} packages and their versions`);
  }
  return Object.entries(dependencies).map(([name, range]) => {
    const spec = `${name}@${String(range)}`;
    if (parseNpmSpec(spec) !== undefined) return spec;
    throw invalid(field, JSON.stringify(spec.slice(0, 100)), npmRule);
  });
}

/** The code that runs, whether it is given as code or as one of the files. */
const codeOf = ({ code, entrypoint, files }: ExecutionSpec): Content | undefined =>
  code ?? files.find(({ name }) => name === entrypoint)?.content;

async function readInline(
  spec: ExecutionSpec,
  ecosystem: WantedPackages["ecosystem"],
  open: OpenBlob,
): Promise<Pick<WantedPackages, "requirements" | "requiresPython"> | undefined> {
  const read = async (content: Content | undefined): Promise<string | undefined> =>
    content === undefined || typeof content === "string" ? content : text(await openContent(open, content));
  if (ecosystem === "python") {
    const code = await read(codeOf(spec));
    return code === undefined ? undefined : readBlock(code);
  }
  const content = await read(spec.files.find(({ name }) => name === "package.json")?.content);
  return content === undefined ? undefined : { requirements: readPackageJson(content) };
}

const wantedFrom = (
  ecosystem: WantedPackages["ecosystem"],
  named: readonly string[],
  requiresPython?: string,
): WantedPackages | null => {
  const requirements = [...new Set(named.map((requirement) => requirement.trim()))];
  if (requirements.length === 0) return null;
  return { ecosystem, requirements, ...(requiresPython === undefined ? {} : { requiresPython }) };
};

/**
 * The packages that a session names, without duplicates; null if there are none.
 *
 * @throws KgentsError `invalid-request`, naming the field
 */
export function namedPackages(named: NamedPackages, language: Language): WantedPackages | null {
  const ecosystem = ecosystemOf(language.command);
  checkLanguage(named, ecosystem);
  return ecosystem && wantedFrom(ecosystem, named.packages?.[ecosystem] ?? []);
}

/**
 * The packages that a request asks for, without duplicates; null if there are none.
 *
 * Here rather than in the client, so that the same code gets the same packages from every SDK.
 *
 * @param open opens content in the artifact store
 * @throws KgentsError `invalid-request`, naming the field; `artifact-unavailable`
 */
export async function wantedPackages(
  spec: ExecutionSpec,
  language: Language,
  open: OpenBlob,
): Promise<WantedPackages | null> {
  const ecosystem = ecosystemOf(language.command);
  checkLanguage(spec, ecosystem);
  if (ecosystem === null) return null;
  const inline = spec.packages?.inline === false ? undefined : await readInline(spec, ecosystem, open);
  const named = [...(spec.packages?.[ecosystem] ?? []), ...(inline?.requirements ?? [])];
  return wantedFrom(ecosystem, named, inline?.requiresPython);
}
