/**
 * The packages that code or a file names itself: the block `# /// script` of Python code, the package.json of a
 * project. What is read is limited, because the worker does it outside the cell.
 *
 * @module
 */
import { parse } from "smol-toml";
import type { KgentsError } from "#core/contract/error";
import { refuse } from "#core/contract/refusal";
import type { Content, ExecutionSpec } from "#core/contract/request";
import type { WantedPackages } from "#core/packages/environment";
import { inlineBlockOf } from "#core/packages/inline-block";
import { npmRule, parseNpmSpec } from "#core/packages/npm-spec";
import { pythonPackageOf, pythonRule } from "#core/packages/python-requirement";
import { utf8Length } from "#core/text/bytes";
import { isRecord } from "#core/text/is-record";
import { messageOf } from "#core/text/message-of";
import { formatBytes } from "#core/text/quantity";
import { shorten } from "#core/text/shorten";
import { type OpenBlob, openContent } from "#platform/store/open-content";

/** The most packages that code or a file may name. */
const maximumPackages = 256;
/** How much of the code is searched for a block, and the largest package.json, in bytes. */
export const maximumInlineBytes = 1024 * 1024;
/** The longest block, in characters: several times what the packages in it may take. */
const maximumBlockLength = 128 * 1024;
/** The longest `requires-python`, in characters. */
const maximumVersionsLength = 200;
/** The longest value that a message shows, in characters. */
const maximumShownLength = 100;

/** What the code or a file of a request names. */
export type InlinePackages = Pick<WantedPackages, "requirements" | "requiresPython">;

const invalid = (field: string, got: string, allowed: string): KgentsError =>
  refuse("invalid-request", field, got, allowed);

const shown = (value: unknown): string => shorten(JSON.stringify(value) ?? "nothing", maximumShownLength);

function sizeOf(content: Content): number {
  if (typeof content === "string") return utf8Length(content);
  return "base64" in content ? Buffer.byteLength(content.base64, "base64") : content.bytes;
}

/** The text of content up to a limit. Reads no further, whatever its size is said to be. */
async function beginningOf(content: Content, open: OpenBlob): Promise<string> {
  const chunks: Buffer[] = [];
  let left = maximumInlineBytes;
  // Leaving the loop destroys the stream.
  for await (const chunk of await openContent(open, content)) {
    const part = Buffer.from(chunk).subarray(0, left);
    chunks.push(part);
    left -= part.length;
    if (left === 0) break;
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const blockField = "code (its block `# /// script`)";

/** The values in the block of a script; undefined if it has none. */
function blockOf(code: string): Record<string, unknown> | undefined {
  let block: Record<string, unknown>;
  try {
    const toml = inlineBlockOf(code);
    if (toml === undefined) return undefined;
    if (toml.length > maximumBlockLength) throw new RangeError(`a block of ${toml.length} characters`);
    block = parse(toml);
  } catch (error) {
    const said = shorten(messageOf(error).split("\n")[0] ?? "", maximumShownLength);
    throw invalid(blockField, said, `one block of TOML, see PEP 723, of at most ${maximumBlockLength} characters`);
  }
  return block;
}

/** The packages in the block of a script; undefined if it has none. */
function readBlock(code: string): InlinePackages | undefined {
  const block = blockOf(code);
  if (block === undefined) return undefined;
  const { dependencies = [], "requires-python": requiresPython } = block;
  if (!Array.isArray(dependencies) || dependencies.length > maximumPackages) {
    throw invalid(`${blockField}: dependencies`, "another value", `a list of at most ${maximumPackages} packages`);
  }
  const requirements = dependencies.map((each: unknown) => {
    if (typeof each === "string" && pythonPackageOf(each) !== undefined) return each;
    throw invalid(`${blockField}: dependencies`, shown(each), pythonRule);
  });
  if (requiresPython === undefined) return { requirements };
  if (typeof requiresPython === "string" && requiresPython.length <= maximumVersionsLength) {
    return { requirements, requiresPython };
  }
  const versions = `versions of Python, such as ">=3.11", at most ${maximumVersionsLength} characters`;
  throw invalid(`${blockField}: requires-python`, shown(requiresPython), versions);
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
    throw invalid(field, shown(spec), npmRule);
  });
}

/** The code that runs, whether it is given as code or as one of the files. */
const codeOf = ({ code, entrypoint, files }: ExecutionSpec): Content | undefined =>
  code ?? files.find(({ name }) => name === entrypoint)?.content;

/**
 * The packages that the code or a file of a request names; undefined if there is neither.
 *
 * @param open opens content in the artifact store
 * @throws KgentsError `invalid-request`, naming the field; `artifact-unavailable`
 */
export async function inlinePackages(
  spec: ExecutionSpec,
  ecosystem: WantedPackages["ecosystem"],
  open: OpenBlob,
): Promise<InlinePackages | undefined> {
  if (ecosystem === "python") {
    const code = codeOf(spec);
    return code === undefined ? undefined : readBlock(await beginningOf(code, open));
  }
  const content = spec.files.find(({ name }) => name === "package.json")?.content;
  if (content === undefined) return undefined;
  const bytes = sizeOf(content);
  if (bytes > maximumInlineBytes) {
    const allowed = `at most ${formatBytes(maximumInlineBytes)}, or any size with packages.inline: false`;
    throw invalid("files.package.json", formatBytes(bytes), allowed);
  }
  return { requirements: readPackageJson(await beginningOf(content, open)) };
}
