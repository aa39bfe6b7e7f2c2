import { pad, plain, shorten, width } from "./terminal-text.ts";

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Applied when the width is settled. */
  readonly style?: (text: string, row: Row) => string;
  /** Whether it may be left out where the terminal is narrow: the highest number goes first. @default never */
  readonly optional?: number;
}

const gap = 2;
/** A last column that is narrower tells nothing. */
const leastLast = 8;

/**
 * Lays rows out in columns. Where they do not fit, the last column is shortened, and before it tells nothing any more, optional
 * columns are left out.
 *
 * @param columns how wide it may be; undefined for as wide as it is
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
          ? // What cannot be left out is shown whole, though the line is broken by the terminal.
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
