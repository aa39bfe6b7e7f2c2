/** The first line of code that is not blank: what people are shown of it. */
export const firstLine = (code: string): string | undefined => code.split("\n").find((line) => line.trim() !== "");
