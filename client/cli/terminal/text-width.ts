import stringWidth from "string-width";

/** The number of columns that a text takes. */
export const width = (text: string): number => stringWidth(text);

/** Shortens a text to a number of columns, at a whole character. */
export function shorten(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let short = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (width(short + segment) > columns - 1) break;
    short += segment;
  }
  return columns < 1 ? "" : `${short}…`;
}

/** Fills a text up to a number of columns. */
export const pad = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - width(text)));
