import { constants } from "node:os";

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
// Two names for one number: the usual one.
signalNames.set(constants.signals.SIGABRT, "SIGABRT");
signalNames.set(constants.signals.SIGIO, "SIGIO");

/** The name of a signal by its number, as Linux has it. */
export const signalName = (number: number): string => signalNames.get(number) ?? `SIGRTMIN+${number - 34}`;
