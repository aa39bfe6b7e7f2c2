/** A function that creates a value on the first call and returns the same value on later calls. */
export interface Once<Value> {
  (): Promise<Value>;
  /** The value, or its pending creation; undefined before the first call and after a failure. */
  readonly made: () => Promise<Value> | undefined;
}

/** Creates a value lazily, once. After a failure the next call tries again. */
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
