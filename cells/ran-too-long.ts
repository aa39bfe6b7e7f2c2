import { formatDuration } from "#core/text/duration";

/** Why code was ended at its time limit, as the result says it. */
export const ranTooLong = (timeout: number): string => `the code ran longer than ${formatDuration(timeout)}`;
