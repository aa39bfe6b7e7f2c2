import { KgentsError } from "#core/contract/error";
import { formatBytes } from "#core/text/quantity";

/**
 * Refuses packages that are larger than the worker allows.
 *
 * @throws KgentsError `package-too-large`
 */
export function refuseLarge(bytes: number, maximumBytes: number): void {
  if (bytes <= maximumBytes) return;
  const words = `the packages have ${formatBytes(bytes)}; this worker allows ${formatBytes(maximumBytes)}`;
  throw new KgentsError("package-too-large", words);
}
