/** How many cells a worker has at once, unless its configuration says otherwise. */
export const defaultMaximumCells = { subprocess: 10, kubernetes: 100 } as const;
