import { constants } from "node:os";

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
// Numbers with two names: use the common one.
signalNames.set(constants.signals.SIGABRT, "SIGABRT");
signalNames.set(constants.signals.SIGIO, "SIGIO");

/** The name of a signal number on Linux. */
export const signalName = (number: number): string => signalNames.get(number) ?? `SIGRTMIN+${number - 34}`;
