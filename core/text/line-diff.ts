/**
 * The difference of two texts by lines, as `diff -u` shows it.
 *
 * @module
 */

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

const linesOf = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

/** The most cells of the table of common lines. Larger differences are shown as removed and added lines. */
const maximumCells = 4_000_000;

const signed = (sign: Line["sign"], lines: readonly string[]): Line[] => lines.map((text) => ({ sign, text }));

/** The lines of two texts that have neither their first nor their last line in common. */
function compareMiddle(left: readonly string[], right: readonly string[]): Line[] {
  if (left.length * right.length > maximumCells) return [...signed("-", left), ...signed("+", right)];
  // common[i][j]: how many lines the texts from i and from j on have in common, in order.
  const common = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  const at = (row: number, column: number): number => common[row]?.[column] ?? 0;
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      const same = left[row] === right[column];
      const best = same ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
      (common[row] as Uint32Array)[column] = best;
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < left.length || column < right.length) {
    const [removed, added] = [left[row], right[column]];
    if (removed !== undefined && removed === added) {
      lines.push({ sign: " ", text: removed });
      row += 1;
      column += 1;
    } else if (removed !== undefined && (added === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ sign: "-", text: removed });
      row += 1;
    } else if (added !== undefined) {
      lines.push({ sign: "+", text: added });
      column += 1;
    }
  }
  return lines;
}

function compare(left: readonly string[], right: readonly string[]): Line[] {
  const shorter = Math.min(left.length, right.length);
  let first = 0;
  while (first < shorter && left[first] === right[first]) first += 1;
  let last = 0;
  while (last < shorter - first && left.at(-1 - last) === right.at(-1 - last)) last += 1;
  return [
    ...signed(" ", left.slice(0, first)),
    ...compareMiddle(left.slice(first, left.length - last), right.slice(first, right.length - last)),
    ...signed(" ", left.slice(left.length - last)),
  ];
}

/** The header of a hunk, as `diff -u` writes it: a count of 1 is left out, and an empty side begins a line earlier. */
const range = (start: number, count: number): string => {
  if (count === 1) return String(start);
  return `${count === 0 ? start - 1 : start},${count}`;
};

/** The groups of lines around changes. */
function hunks(lines: readonly Line[], context: number): string[] {
  const texts: string[] = [];
  const isNear = (index: number): boolean =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ sign }) => sign !== " ");
  let [left, right] = [1, 1];
  let index = 0;
  while (index < lines.length) {
    const begin = index;
    const starts = [left, right] as const;
    while (index < lines.length && isNear(index)) {
      if (lines[index]?.sign !== "+") left += 1;
      if (lines[index]?.sign !== "-") right += 1;
      index += 1;
    }
    if (index === begin) {
      left += 1;
      right += 1;
      index += 1;
      continue;
    }
    texts.push(
      `@@ -${range(starts[0], left - starts[0])} +${range(starts[1], right - starts[1])} @@`,
      ...lines.slice(begin, index).map(({ sign, text }) => `${sign}${text}`),
    );
  }
  return texts;
}

/**
 * The unified difference of two texts; empty if they are the same.
 *
 * @param names of both sides, for the first two lines
 * @param context how many unchanged lines are shown around a change. @default 3
 */
export function lineDiff(
  left: string,
  right: string,
  names: { readonly left: string; readonly right: string },
  context = 3,
): string {
  if (left === right) return "";
  const texts = hunks(compare(linesOf(left), linesOf(right)), context);
  return texts.length === 0 ? "" : [`--- ${names.left}`, `+++ ${names.right}`, ...texts, ""].join("\n");
}
