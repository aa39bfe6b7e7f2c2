/** The oldest supported Node.js version, as in `engines` of package.json. The Kubernetes client requires 22.19. */
export const oldestNode = "22.19";

/**
 * Why kgents does not run on a Node.js version, in one sentence; undefined if it does.
 *
 * @param version such as `20.20.2`
 */
export function olderNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode.split(".").map(Number);
  const isOlder = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return isOlder ? `this is Node ${version}, and kgents needs Node ${oldestNode} or newer` : undefined;
}
