/**
 * Shortens text for a message, and says by how much. Pure.
 *
 * @param maximum the most characters that are kept
 */
export function shorten(text: string, maximum: number): string {
  if (text.length <= maximum) return text;
  // Not between the halves of a surrogate pair.
  const kept = text.slice(0, maximum).replace(/[\uD800-\uDBFF]$/, "");
  return `${kept}... (${text.length - kept.length} more characters)`;
}
