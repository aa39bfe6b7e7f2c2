import type { FieldPath } from "../specs/yaml-place.ts";

/**
 * The path of a field that the API server names: `.spec.env[0].name`, or `.spec.env[name="A"].value`. It ends where the
 * server names an entry by its content.
 */
export function readApiField(field: string): FieldPath {
  const path: (string | number)[] = [];
  for (const [, name, index, entry] of field.matchAll(/\.?([^.[\]]+)|\[(\d+)\]|(\[[^\]]*\]?)/g)) {
    if (entry !== undefined) break;
    path.push(index === undefined ? String(name) : Number(index));
  }
  return path;
}
