/** The Damerau-Levenshtein distance (optimal string alignment). */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + (same ? 0 : 1));
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        best = Math.min(best, at(row - 2, column - 2) + 1);
      }
      current.push(best);
    }
  }
  return at(from.length, to.length);
}

/**
 * The closest candidate to a misspelled word, ignoring case; undefined if none is close enough.
 *
 * @param mistakes the maximum edit distance. @default a third of the word's length, at least 1
 */
export function closest(word: string, candidates: readonly string[], mistakes?: number): string | undefined {
  // No candidate is nearly as long, and the table grows with the length of the word.
  if (word.length > 64) return undefined;
  const allowed = mistakes ?? Math.max(1, Math.floor(word.length / 3));
  const lower = word.toLowerCase();
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((left, right) => left.distance - right.distance)[0]?.candidate;
}
