/** A function that caches a value for a while. */
export interface Recent<Value> {
  (): Promise<Value>;
  /** Clears the cache. Resolves when no call is pending. */
  readonly forget: () => Promise<void>;
}

/**
 * Creates a value on demand and again when it is older than a time. Concurrent calls share one creation. A failed
 * creation is retried by the next call.
 *
 * @param make receives the previous value
 */
export function recent<Value>(
  milliseconds: number,
  make: (before: Value | undefined) => Promise<Value>,
): Recent<Value> {
  let before: Value | undefined;
  let made: Promise<Value> | undefined;
  let expires = Number.POSITIVE_INFINITY;
  const get = (): Promise<Value> => {
    if (made && performance.now() < expires) return made;
    expires = Number.POSITIVE_INFINITY;
    made = make(before).then(
      (value) => {
        before = value;
        expires = performance.now() + milliseconds;
        return value;
      },
      (error) => {
        made = undefined;
        throw error;
      },
    );
    return made;
  };
  const forget = async (): Promise<void> => {
    await made?.catch(() => {});
    made = undefined;
    before = undefined;
  };
  return Object.assign(get, { forget });
}
