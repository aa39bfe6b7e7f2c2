/** A function that makes something when it is first called, and then gives the same. */
export interface Once<Value> {
  (): Promise<Value>;
  /** What was made, or is being made; undefined before the first call. */
  readonly made: () => Promise<Value> | undefined;
}

/** Makes something once, when it is first asked for. What failed is tried again at the next call. */
export function once<Value>(make: () => Promise<Value>): Once<Value> {
  let made: Promise<Value> | undefined;
  const get = (): Promise<Value> => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return Object.assign(get, { made: () => made });
}
