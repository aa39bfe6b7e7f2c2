/**
 * The block in Python code that names the packages it needs (PEP 723):
 *
 * ```python
 * # /// script
 * # requires-python = ">=3.11"
 * # dependencies = ["pandas"]
 * # ///
 * ```
 *
 * @module
 */

const opening = /^# \/\/\/ ([a-zA-Z0-9-]+)$/;
const isComment = (line: string): boolean => line === "#" || line.startsWith("# ");

/** The index of the line that closes a block: the last `# ///` of the comment lines from an index; -1 if none does. */
function closingOf(lines: readonly string[], from: number): { readonly close: number; readonly end: number } {
  let close = -1;
  let end = from;
  for (; isComment(lines[end] ?? ""); end += 1) if (lines[end] === "# ///") close = end;
  return { close, end };
}

/**
 * The TOML of the block of a script; undefined if the code has none. Takes time in proportion to the code.
 *
 * @throws RangeError if it has several, which PEP 723 forbids
 */
export function inlineBlockOf(code: string): string | undefined {
  // Most code has none, and splitting it into lines takes longer.
  if (!code.includes("# /// script")) return undefined;
  const lines = code.split(/\r?\n/);
  const found: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const type = opening.exec(lines[index] ?? "")?.[1];
    if (type === undefined) continue;
    const { close, end } = closingOf(lines, index + 1);
    const content = lines.slice(index + 1, Math.max(close, index + 1)).map((line) => line.slice(2));
    if (close >= 0 && type === "script") found.push(content.join("\n"));
    index = close >= 0 ? close : end - 1;
  }
  if (found.length > 1) throw new RangeError("the code has several blocks `# /// script`");
  return found[0];
}
