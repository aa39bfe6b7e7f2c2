/** Quotes a string for a POSIX shell: every byte but NUL arrives as it is. */
export const shellQuote = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;
