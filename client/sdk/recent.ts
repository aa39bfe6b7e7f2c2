/** Gives what it made as long as that is recent. */
export interface Recent<Value> {
  (): Promise<Value>;
  /** Forgets what was made. Resolves when nothing is being made any more. */
  readonly forget: () => Promise<void>;
}

/**
 * Makes something when it is asked for, and anew when that is older than a time. Calls that come meanwhile wait for the same; what failed is
 * tried again at the next call.
 *
 * @param make is given what was made before
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
