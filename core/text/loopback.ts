/** Whether an address, with or without a port, is a loopback address. */
export function isLoopback(address: string): boolean {
  const host = address.replace(/(?<!:):\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
