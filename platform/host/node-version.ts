/** The oldest Node.js that kgents runs on, as `engines` in package.json says. Its 22.19 has what the Kubernetes client asks for. */
export const oldestNode = "22.19";

/**
 * Why kgents does not run on a version of Node.js, in one sentence; undefined where it does.
 *
 * @param version such as `20.20.2`
 */
export function olderNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode.split(".").map(Number);
  const isOlder = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return isOlder ? `this is Node ${version}, and kgents needs Node ${oldestNode} or newer` : undefined;
}
