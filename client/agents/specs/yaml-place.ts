/**
 * Finds the place of a field in a YAML document.
 *
 * @module
 */
import { type Document, isAlias, isCollection, isMap, isScalar, isSeq, type LineCounter, type Node } from "yaml";

/** The keys that lead to a value, such as `["spec", "env", 0, "name"]`. */
export type FieldPath = readonly (string | number)[];

/** A place in a text; both numbers count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The place of a character of the document. */
export function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The node below a collection's key, and the key's own node. */
function child(node: unknown, part: string | number): { readonly key?: unknown; readonly value?: unknown } {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : undefined) === String(part));
    return pair === undefined ? {} : { key: pair.key, value: pair.value };
  }
  return isSeq(node) ? { value: node.items[Number(part)] } : {};
}

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];

/**
 * The place of the value at a path. The place of a missing field is that of the object that lacks it. A path through an
 * alias ends at the alias, which is what this file says there.
 *
 * @param atKey whether to return the place of the last key rather than of its value, as for an unknown field
 */
export function placeOf(document: Document, lines: LineCounter, path: FieldPath, atKey: boolean): Place {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, part] of path.entries()) {
    if (isAlias(node) || !isCollection(node)) break;
    const { key, value } = child(node, part);
    const isLast = index === path.length - 1;
    const found = (isLast && atKey) || startOf(value) === undefined ? startOf(key) : startOf(value);
    if (found === undefined) break;
    offset = found;
    node = value;
  }
  return placeAt(lines, offset);
}
