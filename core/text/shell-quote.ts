/** Quotes a string for a POSIX shell. Preserves every byte except NUL. */
export const shellQuote = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;
