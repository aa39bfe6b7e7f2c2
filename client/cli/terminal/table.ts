import { plain } from "./terminal-text.ts";
import { pad, shorten, width } from "./text-width.ts";

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Applied when the width is settled. */
  readonly style?: (text: string, row: Row) => string;
  /** Lets the column be left out on a narrow terminal; the highest number goes first. @default never left out */
  readonly optional?: number;
}

const gap = 2;
/** Minimum width of the last column. */
const leastLast = 8;

/**
 * Lays rows out in columns. If they do not fit, the last column is shortened. If it would become too narrow, optional
 * columns are left out.
 *
 * @param columns the maximum width; undefined for no limit
 */
export function table<Row>(allColumns: readonly Column<Row>[], rows: readonly Row[], columns?: number): string[] {
  const natural = new Map(
    allColumns.map((column) => [
      column,
      Math.max(width(column.title), ...rows.map((row) => width(plain(column.text(row))))),
    ]),
  );
  const widthOf = (column: Column<Row>): number => natural.get(column) ?? 0;
  const room = columns ?? Number.POSITIVE_INFINITY;
  let shown = allColumns;
  const rest = (): number => room - shown.slice(0, -1).reduce((sum, column) => sum + widthOf(column) + gap, 0);
  const lastNeeds = (): number => Math.min(leastLast, widthOf(shown.at(-1) as Column<Row>));
  for (const column of allColumns.filter(({ optional }) => optional !== undefined).sort(byOption)) {
    if (rest() >= lastNeeds()) break;
    shown = shown.filter((other) => other !== column);
  }
  const last = shown.at(-1);
  const line = (cell: (column: Column<Row>) => string, style: (column: Column<Row>, text: string) => string): string =>
    shown
      .map((column) =>
        column === last
          ? // A required column is shown whole, even if the terminal wraps the line.
            style(column, column.optional === undefined ? cell(column) : shorten(cell(column), rest()))
          : style(column, pad(cell(column), widthOf(column) + gap)),
      )
      .join("")
      .trimEnd();
  return [
    line(
      ({ title }) => title,
      (_, text) => text,
    ),
    ...rows.map((row) =>
      line(
        (column) => plain(column.text(row)),
        (column, text) => column.style?.(text, row) ?? text,
      ),
    ),
  ];
}

const byOption = (left: { readonly optional?: number }, right: { readonly optional?: number }): number =>
  (right.optional ?? 0) - (left.optional ?? 0);
