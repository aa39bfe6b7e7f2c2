/** Collects the values of a flag that can be given several times, for commander. */
export const collect = (value: string, previous: string[] = []): string[] => [...previous, value];
