/** What an error says: its message, or the thrown value as text where it is no Error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
