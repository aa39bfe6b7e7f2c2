/**
 * The languages: one table, which the configuration file can add to and override.
 *
 * @module
 */
import { KgentsError } from "./error.ts";

/** How code of one language is stored and run. */
export interface Language {
  /** The canonical name. */
  readonly name: string;
  /** Other names that `--lang` and requests may use. */
  readonly aliases: readonly string[];
  /** The name of the file that the code is stored under in the work directory. */
  readonly fileName: string;
  /** File name extensions, without the dot, that mean this language; the file name's own is one of them. */
  readonly extensions: readonly string[];
  /** The image for Kubernetes, by pinned tag. */
  readonly image: string;
  /**
   * The interpreter and its arguments; the file's path and the request's arguments are appended. The first word is looked
   * up on the worker's PATH (on the image's in Kubernetes).
   */
  readonly command: readonly string[];
  /**
   * Further arguments of the interpreter, which the version in `image` takes and others may not. On the worker's machine those are left
   * out that its interpreter does not know; in an image that a request or the configuration names, all.
   */
  readonly versionFlags?: readonly string[];
}

const transformTypes = "--experimental-transform-types";

/** The whole command of a language in an image: with the flags of a version only where it is that version's image. */
export const commandInImage = ({ command, versionFlags = [], image }: Language, used: string): readonly string[] =>
  used === image ? [...command, ...versionFlags] : command;

/** The languages that kgents knows without configuration. */
export const builtInLanguages: readonly Language[] = [
  {
    name: "python",
    aliases: ["py", "python3"],
    fileName: "main.py",
    extensions: ["py"],
    image: "python:3.13-slim",
    // -u: output appears when it is written, not when a buffer is full.
    command: ["python3", "-u"],
  },
  {
    name: "sh",
    aliases: ["shell"],
    fileName: "main.sh",
    extensions: ["sh"],
    image: "busybox:1.37",
    command: ["sh"],
  },
  {
    name: "bash",
    aliases: [],
    fileName: "main.bash",
    extensions: ["bash"],
    image: "bash:5.3",
    command: ["bash"],
  },
  {
    name: "javascript",
    aliases: ["js", "node"],
    // As `node FILE` does: it is CommonJS or an ES module by its syntax, and may await at the top level of a module.
    fileName: "main.js",
    extensions: ["js", "mjs", "cjs"],
    image: "node:24-slim",
    command: ["node"],
  },
  {
    name: "typescript",
    aliases: ["ts"],
    fileName: "main.ts",
    extensions: ["ts", "mts", "cts"],
    image: "node:24-slim",
    // Node strips types by itself; the warning that this is experimental would stand in the code's stderr.
    command: ["node", "--disable-warning=ExperimentalWarning"],
    // For enums, namespaces and parameter properties. Node has it from 22.7 to 25.
    versionFlags: [transformTypes],
  },
];

/** Finds a language by name or alias, whatever the case of the letters. */
export function findLanguage(languages: readonly Language[], name: string): Language {
  const wanted = name.toLowerCase();
  const found = languages.find((language) => language.name === wanted || language.aliases.includes(wanted));
  if (found) return found;
  const known = languages.map((language) => [language.name, ...language.aliases].join("|")).join(", ");
  throw new KgentsError(
    "unsupported-language",
    `language: ${JSON.stringify(name)} is not supported; known are ${known}`,
    {
      field: "language",
    },
  );
}

/** The language that a file name's extension means, if any does. */
export function languageOfFile(languages: readonly Language[], fileName: string): Language | undefined {
  const extension = /\.([^./]+)$/.exec(fileName)?.[1]?.toLowerCase();
  return extension === undefined ? undefined : languages.find((language) => language.extensions.includes(extension));
}
