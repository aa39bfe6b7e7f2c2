import { once } from "node:events";
import { startProgram } from "#platform/host/run-program";
import { beginningOf } from "../launcher/read-beginning.ts";

/** How long slirp4netns may take to start, in milliseconds. */
const patience = 10_000;

/**
 * Connects a network namespace to the outside through slirp4netns: a user-space TCP/IP stack, so that the code's
 * traffic leaves through sockets of this worker's user.
 *
 * @returns a function that ends it; it also ends when this process does
 */
export async function startSlirp(program: string, target: number): Promise<() => Promise<void>> {
  const child = startProgram(
    program,
    [
      ...["--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp"],
      ...["--ready-fd=3", "--exit-fd=4"],
      // By process id: with paths, slirp4netns's own sandbox fails for an ordinary user.
      ...[String(target), "tap0"],
    ],
    { environment: {}, stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] },
  );
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  for (const stream of child.stdio) stream?.on("error", () => {});
  const said = child.stderr ? beginningOf(child.stderr) : Promise.resolve("");
  const takeDown = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const ready = child.stdio[3];
  const came =
    ready && "readable" in ready
      ? once(ready, "data", { signal: AbortSignal.timeout(patience) }).then(
          () => true,
          () => false,
        )
      : Promise.resolve(false);
  if (await Promise.race([came, ended.then(() => false)])) return takeDown;
  await takeDown();
  const reason = (await said)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("WARNING"))
    .join("; ");
  throw new Error(`slirp4netns did not come up: ${reason || "it said nothing"}`);
}
