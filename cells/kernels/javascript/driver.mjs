/**
 * The JavaScript and TypeScript kernel of a session: keeps one global scope, and evaluates the code of each call in it.
 *
 * Needs Node.js 20 and nothing beside it, for TypeScript Node.js 22.13. See call.sh for the files that it shares with
 * the calls. All that it says is untrusted: it lives in the same process as the code.
 */
// biome-ignore lint/style/noRestrictedImports: it starts nothing; what the code starts gets the streams of its call.
import childProcess from "node:child_process";
import fs from "node:fs";
import inspector from "node:inspector";
import module from "node:module";
import net from "node:net";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import util from "node:util";
import vm from "node:vm";
import { rewriteImports } from "./imports.mjs";

const home = process.env.KGENTS_KERNEL;
delete process.env.KGENTS_KERNEL;
const work = process.cwd();
const isTypeScript = process.argv[2] === "typescript";

// Bounds of what one call may show. The worker has its own.
const maximumDisplays = 16;
const maximumDisplayBytes = 8 * 1024 * 1024;
const maximumText = 64 * 1024;

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;

const shortened = (text) =>
  text.length <= maximumText ? text : `${text.slice(0, maximumText)}... (${text.length - maximumText} characters more)`;

/** What a call shows, within the bounds. */
const noDisplays = () => ({ bundles: [], bytes: 0, omitted: 0 });
let displays = noDisplays();

function bundleOf(value) {
  let bundle = {};
  try {
    // The method by which Deno's notebooks show a value.
    const shown = value?.[Symbol.for("Jupyter.display")]?.();
    for (const [kind, content] of Object.entries(shown ?? {})) {
      bundle[kind] = typeof content === "string" ? content : JSON.stringify(content);
    }
  } catch {
    bundle = {};
  }
  bundle["text/plain"] = shortened(bundle["text/plain"] ?? util.inspect(value));
  return bundle;
}

globalThis.display = (...values) => {
  for (const value of values) {
    const bundle = bundleOf(value);
    const size = Object.values(bundle).reduce((sum, content) => sum + content.length, 0);
    if (displays.bundles.length >= maximumDisplays || displays.bytes + size > maximumDisplayBytes)
      displays.omitted += 1;
    else displays = { ...displays, bundles: [...displays.bundles, bundle], bytes: displays.bytes + size };
  }
};

/** Output between calls, which the next call prints first. Node.js cannot replace the descriptors 1 and 2. */
const late = [1, 2].map((number) =>
  fs.openSync(path.join(home, `late.${number}`), O_RDWR | O_CREAT | O_TRUNC | O_APPEND),
);
let streams = late;

function writeAll(descriptor, data) {
  for (let offset = 0; offset < data.length; ) {
    try {
      offset += fs.writeSync(descriptor, data, offset);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

for (const [index, name] of ["stdout", "stderr"].entries()) {
  const stream = new Writable({
    decodeStrings: true,
    write: (chunk, _encoding, done) => {
      writeAll(streams[index], chunk);
      done();
    },
  });
  stream.fd = index + 1;
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
}
globalThis.console = new console.Console({ stdout: process.stdout, stderr: process.stderr });

/** Programs that inherit the streams get those of the call. */
function inheritStreams() {
  const stdioOf = (stdio) => {
    const all = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
    return all.map((item, index) => {
      const own = index === 1 || index === 2;
      if (own && (item === "inherit" || item === index)) return streams[index - 1];
      return item;
    });
  };
  for (const name of ["spawn", "spawnSync", "fork", "execFileSync", "execSync"]) {
    const original = childProcess[name];
    childProcess[name] = (...args) =>
      original(
        ...args.map((arg) =>
          arg && typeof arg === "object" && !Array.isArray(arg) && arg.stdio
            ? { ...arg, stdio: stdioOf(arg.stdio) }
            : arg,
        ),
      );
  }
  module.syncBuiltinESMExports();
}
inheritStreams();

/** Thrown by process.exit: the call ends, and the kernel stays. */
class Exit {
  constructor(code) {
    this.code = code;
  }
}
process.exit = (code) => {
  throw new Exit(Number(code ?? process.exitCode ?? 0) & 255);
};

const print = (text) => writeAll(streams[1], Buffer.from(`${text}\n`));
process.on("uncaughtException", (error) => {
  if (!(error instanceof Exit)) print(`Uncaught ${util.inspect(error)}`);
});

/** Loads modules as a module of the work directory would. A file of it that has changed is loaded again. */
const importer = path.join(home, "importer.mjs");
fs.writeFileSync(importer, "export default (specifier, options) => import(specifier, options);\n");
const { default: importHere } = await import(pathToFileURL(importer).href);
globalThis.__kgentsImport = async (specifier, options) => {
  const name = String(specifier);
  if (!/^(?:\.\.?\/|\/)/.test(name)) return importHere(name, options);
  const url = pathToFileURL(path.resolve(work, name));
  const { mtimeMs } = fs.statSync(url, { throwIfNoEntry: false }) ?? {};
  if (mtimeMs !== undefined) url.search = `changed=${mtimeMs}`;
  return importHere(url.href, options);
};
globalThis.__kgentsImportMeta = { url: pathToFileURL(`${work}/session.mjs`).href, dirname: work };
globalThis.require = module.createRequire(`${work}/session.cjs`);
const loadedAt = new Map();
function forgetChanged() {
  for (const name of Object.keys(require.cache)) {
    if (!name.startsWith(`${work}/`)) continue;
    const { mtimeMs } = fs.statSync(name, { throwIfNoEntry: false }) ?? {};
    if (loadedAt.has(name) && loadedAt.get(name) !== mtimeMs) delete require.cache[name];
    loadedAt.set(name, mtimeMs);
  }
}

/** Values cross from the inspector by this function. */
let held;
globalThis.__kgentsHold = (value) => {
  held = value;
};
function post(session, method, parameters) {
  let settle;
  const promise = new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
  // An interrupt ends the function that would return it.
  promise.catch(() => {});
  session.post(method, parameters, (error, result) =>
    error ? settle.reject(new Error(error.message)) : settle.resolve(result),
  );
  return promise;
}

/** The value that the inspector describes. */
async function describedValue(session, described) {
  if (described.objectId === undefined) {
    const { unserializableValue: special } = described;
    if (special === undefined) return described.value;
    return special.endsWith("n") ? BigInt(special.slice(0, -1)) : Number(special);
  }
  await post(session, "Runtime.callFunctionOn", {
    objectId: described.objectId,
    functionDeclaration: "function () { 'use strict'; __kgentsHold(this); }",
  });
  return held;
}

globalThis.__kgentsEvaluate = (expression) => {
  const session = new inspector.Session();
  session.connect();
  const evaluated = post(session, "Runtime.evaluate", { expression, replMode: true, awaitPromise: true });
  const outcome = evaluated.then(async ({ result, exceptionDetails }) => {
    const value = await describedValue(session, exceptionDetails?.exception ?? result);
    session.disconnect();
    return exceptionDetails ? { thrown: value } : { value };
  });
  // Nobody awaits it if an interrupt ends the evaluation.
  outcome.catch(() => {});
  return outcome;
};
let expression = "";
globalThis.__kgentsExpression = () => expression;
const script = new vm.Script("__kgentsEvaluate(__kgentsExpression())", { filename: "kernel" });

let interrupt = () => {};
process.on("SIGINT", () => interrupt());

/** Without the frames of this file. */
function withoutOwnFrames(text) {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => /^\s+at .*(?:node:inspector|kernels?[:/]|driver\.mjs)/.test(line));
  if (first < 0) return text;
  const rest = lines.slice(first).filter((line) => !/^\s+at /.test(line));
  return [...lines.slice(0, first), ...rest].join("\n");
}

function report(thrown) {
  const isError = thrown instanceof Error;
  print(withoutOwnFrames(isError ? util.inspect(thrown) : `Uncaught ${util.inspect(thrown)}`));
  return { name: isError ? thrown.name : typeof thrown, message: shortened(String(isError ? thrown.message : thrown)) };
}

function strip(code) {
  try {
    return module.stripTypeScriptTypes(code, { mode: "strip" });
  } catch (error) {
    if (error.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw error;
    return module.stripTypeScriptTypes(code, { mode: "transform" });
  }
}

function compiled(code) {
  if (!isTypeScript) return code;
  if (!module.stripTypeScriptTypes) throw new Error("TypeScript needs Node.js 22.13 or newer");
  // Node.js warns that this function may change.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return strip(code);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Evaluates the code of a call. Returns its exit code and what is said of it. */
async function evaluate(code, number) {
  const interrupted = new Promise((_, reject) => {
    interrupt = () => reject(new Error("interrupted"));
  });
  try {
    forgetChanged();
    expression = `${rewriteImports(compiled(code))}\n//# sourceURL=call-${number}`;
    let outcome;
    try {
      outcome = await Promise.race([script.runInThisContext({ breakOnSigint: true }), interrupted]);
    } catch (error) {
      if (error.code !== "ERR_SCRIPT_EXECUTION_INTERRUPTED" && error.message !== "interrupted") throw error;
      print("Interrupted");
      return { code: 130, said: { status: "interrupted", error: { name: "Interrupted", message: "" } } };
    }
    if ("thrown" in outcome) {
      if (outcome.thrown instanceof Exit) return { code: outcome.thrown.code, said: { status: "exit" } };
      return { code: 1, said: { status: "error", error: report(outcome.thrown) } };
    }
    if (outcome.value !== undefined) {
      globalThis._ = outcome.value;
      if (!/;\s*$/.test(code)) display(outcome.value);
    }
    return { code: 0, said: { status: "ok" } };
  } catch (error) {
    return { code: 1, said: { status: "error", error: report(error) } };
  } finally {
    interrupt = () => {};
    interrupted.catch(() => {});
  }
}

/** Opens a standard stream of another process. */
function openStream(client, number, flags) {
  const name = `/proc/${client}/fd/${number}`;
  const opened = fs.openSync(name, flags | O_NONBLOCK);
  if (flags === O_RDONLY) return opened;
  // Node.js cannot make it blocking again. The other end is there: this one does not wait.
  const blocking = fs.openSync(name, flags);
  fs.closeSync(opened);
  return blocking;
}

/** Reads to the end. */
async function readAll(descriptor) {
  const chunks = [];
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    try {
      const bytes = fs.readSync(descriptor, buffer);
      if (bytes === 0) return Buffer.concat(chunks);
      chunks.push(Buffer.from(buffer.subarray(0, bytes)));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function connect(client) {
  const opened = [6, 7].map((number) => openStream(client, number, O_WRONLY | O_APPEND));
  for (const [index, descriptor] of late.entries()) {
    const { size } = fs.fstatSync(descriptor);
    const data = Buffer.alloc(size);
    fs.readSync(descriptor, data, 0, size, 0);
    writeAll(opened[index], data);
    fs.ftruncateSync(descriptor);
  }
  streams = opened;
}

/** Writes what is said of a call; without the displays if the disk is full. */
function writeResult(file, said, { bundles, omitted }) {
  for (const shown of [bundles, []]) {
    const displaysOmitted = omitted + bundles.length - shown.length;
    try {
      fs.writeFileSync(`${file}.new`, JSON.stringify({ ...said, displays: shown, displaysOmitted }));
      fs.renameSync(`${file}.new`, file);
      return;
    } catch {
      // The call has its exit code all the same.
    }
  }
}

let calls = 0;
async function serve(number, client) {
  const folder = path.join(home, number);
  let source;
  try {
    const stdin = openStream(client, 5, O_RDONLY);
    source = (await readAll(stdin)).toString("utf8");
    fs.closeSync(stdin);
    connect(client);
  } catch {
    // The call has ended before it began, or its streams are no pipes and no files.
    answer(folder, 126);
    return;
  }
  displays = noDisplays();
  const { code, said } = await evaluate(source, number);
  const opened = streams;
  streams = late;
  for (const descriptor of opened) fs.closeSync(descriptor);
  calls += 1;
  writeResult(path.join(folder, "result"), { ...said, call: calls }, displays);
  displays = noDisplays();
  answer(folder, code);
}

function answer(folder, code) {
  let reply;
  try {
    reply = fs.openSync(path.join(folder, "reply"), O_RDWR);
  } catch {
    // The process of the call was killed, and a later call has removed what it left.
    return;
  }
  fs.writeSync(reply, `${code}\n`);
  fs.closeSync(reply);
}

const kernelFile = path.join(home, "kernel");
fs.writeFileSync(`${kernelFile}.new`, `${process.pid}\n`);
fs.renameSync(`${kernelFile}.new`, kernelFile);
const socket = new net.Socket({ fd: fs.openSync(path.join(home, "calls"), O_RDWR | O_NONBLOCK), readable: true });
let waiting = "";
for await (const data of socket) {
  waiting += data.toString("latin1");
  for (let end = waiting.indexOf("\n"); end >= 0; end = waiting.indexOf("\n")) {
    const [number = "", client = ""] = waiting.slice(0, end).split(" ");
    waiting = waiting.slice(end + 1);
    if (/^\d+$/.test(number) && /^\d+$/.test(client)) await serve(number, client);
  }
}
