/** Whether a version such as `0.14.0` is at least another one. Pure. */
export function isAtLeast(version: string, wanted: string): boolean {
  const numbers = (text: string): number[] => text.split(".").map(Number);
  const [least, found] = [numbers(wanted), numbers(version)];
  const at = least.findIndex((part, index) => found[index] !== part);
  return at < 0 || (found[at] ?? 0) > (least[at] ?? 0);
}
