import { InvalidArgumentError } from "commander";

/** Reads a flag that is a whole number within bounds. */
export const wholeNumber =
  (minimum: number, maximum: number) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= minimum && number <= maximum) return number;
    throw new InvalidArgumentError(`Allowed is a whole number from ${minimum} to ${maximum}.`);
  };
