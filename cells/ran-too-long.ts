import { formatDuration } from "#core/text/duration";

/** The message of a result whose code was ended at its time limit. */
export const ranTooLong = (timeout: number): string => `the code ran longer than ${formatDuration(timeout)}`;
