/** The message of an error, or the thrown value as text if it is not an Error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
