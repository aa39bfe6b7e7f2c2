/**
 * `npm run test:machine`: tests that need a whole machine, in one emulated by qemu. It has Debian's kernel, cgroups v2,
 * systemd and an ordinary user with a user manager, which no container has.
 *
 * Requires root on Debian. Installs missing packages, with a message. Without hardware virtualisation, it takes a few
 * minutes.
 *
 * @module
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testBubblewrap } from "../sandbox/helpers/tools.ts";
import { installPackages, missingPackages } from "../support/debian-packages.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
/** In node_modules, so that `npm ci` removes it. */
const directory = join(project, "node_modules/.cache/kgents-machine");
const system = join(directory, "system");
const minutes = 20;

const say = (line: string): void => void process.stderr.write(`machine: ${line}\n`);
const run = (program: string, ...args: string[]): void =>
  void execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, LC_ALL: "C" } });

/** The Debian packages that kgents needs, and those that boot the machine. */
const packages = [
  ...["systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "udev", "procps", "python3"],
  ...["linux-image-cloud-amd64", "initramfs-tools", "zstd"],
];

/** Delegated: otherwise systemd stops the whole unit when the kernel kills a cell for memory. */
const unit = `[Unit]
After=multi-user.target user@1000.service
Wants=user@1000.service
[Service]
Type=oneshot
Delegate=yes
TimeoutStartSec=infinity
ExecStart=/bin/bash /project/test/machine/guest.sh
ExecStopPost=/usr/bin/systemctl poweroff
StandardOutput=file:/dev/ttyS1
StandardError=inherit
`;

/** The mirror and release of this machine's own packages. */
function ownMirror(): { address: string; release: string } {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)";
  const lines = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    encoding: "utf8",
  }).split("\n");
  // A suite such as -updates or -security is additional to another one.
  const found = lines
    .map((line) => line.split(" "))
    .find((words) => /^\w+$/.test(words[1] ?? "") && words[2] === "main" && words[3] === "Debian");
  const [address, release] = found ?? [];
  if (address === undefined || release === undefined) throw new Error("this machine has no Debian to build from");
  return { address, release };
}

/** Builds the system once. */
function buildSystem(): void {
  if (existsSync(join(directory, "system.img"))) return;
  const { address, release } = ownMirror();
  say(`building Debian ${release} (debootstrap)`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  run("debootstrap", "--variant=minbase", `--include=${packages.join(",")}`, release, system, address);
  run("chroot", system, "useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash", "tester");
  mkdirSync(join(system, "var/lib/systemd/linger"), { recursive: true });
  writeFileSync(join(system, "var/lib/systemd/linger/tester"), "");
  mkdirSync(join(system, "project"));
  writeFileSync(join(system, "etc/fstab"), "/dev/vda / ext4 defaults 0 1\n/dev/vdb /project ext4 defaults 0 2\n");
  writeFileSync(join(system, "etc/systemd/system/machine-test.service"), unit);
  const wants = join(system, "etc/systemd/system/default.target.wants");
  mkdirSync(wants, { recursive: true });
  run("ln", "-sf", "/etc/systemd/system/machine-test.service", wants);
  pack(system, "unfinished.img", "300M");
  run("mv", join(directory, "unfinished.img"), join(directory, "system.img"));
}

/** Creates a file system image of a directory, with some free space. */
function pack(from: string, name: string, room: string): void {
  const kibibytes = Number(execFileSync("du", ["-sk", from], { encoding: "utf8" }).split("\t")[0]);
  const image = join(directory, name);
  rmSync(image, { force: true });
  run("truncate", "-s", `${Math.ceil(kibibytes * 1.2)}K`, image);
  run("truncate", "-s", `+${room}`, image);
  run("mke2fs", "-q", "-t", "ext4", "-d", from, image);
}

/** The project as it is here, without packages that are only for building or checking it. */
function packProject(): void {
  const copy = join(directory, "project");
  const archive = join(directory, "project.tar");
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  const heavy = ["@biomejs", "@typescript", "@temporalio", "@swc", "webpack", "prettier", ".cache/kgents-machine"];
  const left = [".git", "dist", ...heavy.map((name) => `node_modules/${name}`)].map((name) => `--exclude=./${name}`);
  run("tar", "-C", project, "-cf", archive, ...left, ".");
  run("tar", "-C", copy, "-xf", archive);
  rmSync(archive);
  chmodSync(copy, 0o755);
  run("chown", "-R", "1000:1000", copy);
  pack(copy, "project.img", "200M");
  rmSync(copy, { recursive: true });
}

/** The newest file of /boot with this prefix. */
function bootFile(beginning: string): string {
  const name = readdirSync(join(system, "boot"))
    .filter((entry) => entry.startsWith(beginning))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error(`the system has no ${beginning}`);
  return join(system, "boot", name);
}

/** Boots, forwards the machine's output, and resolves to whether all tests passed. */
async function boot(): Promise<boolean> {
  const disk = (name: string): string[] => [
    ...["-drive", `file=${join(directory, name)},format=raw,if=virtio,cache=unsafe,snapshot=on`],
  ];
  const machine = spawn(
    "qemu-system-x86_64",
    [
      // One thread for both processors: with one each, Node crashed in most runs with SIGSEGV or SIGTRAP, each time
      // elsewhere.
      ...["-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "3072"],
      ...["-nodefaults", "-no-reboot", "-display", "none"],
      ...["-kernel", bootFile("vmlinuz-"), "-initrd", bootFile("initrd.img-")],
      ...["-append", "root=/dev/vda rw console=ttyS0 quiet mitigations=off"],
      ...disk("system.img"),
      ...disk("project.img"),
      ...["-serial", `file:${join(directory, "console.log")}`, "-serial", "stdio"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const timer = setTimeout(() => machine.kill("SIGKILL"), minutes * 60_000);
  const ended = once(machine, "exit");
  let passed = false;
  for await (const line of createInterface({ input: machine.stdout })) {
    process.stdout.write(`${line}\n`);
    if (line.trim() === "machine: passed") passed = true;
  }
  await ended;
  clearTimeout(timer);
  return passed;
}

if (process.getuid?.() !== 0) throw new Error("building a file system with other users' files needs root");
const missing = missingPackages({
  "qemu-system-x86_64": "qemu-system-x86",
  debootstrap: "debootstrap",
  mke2fs: "e2fsprogs",
});
if (missing.length > 0) {
  say(`installing ${missing.join(", ")}`);
  installPackages(missing);
}
await testBubblewrap();
buildSystem();
packProject();
say("booting; the console is in node_modules/.cache/kgents-machine/console.log");
process.exitCode = (await boot()) ? 0 : 1;
