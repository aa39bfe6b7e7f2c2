/**
 * The table of languages. The configuration file can add to it and override it.
 *
 * @module
 */
import { KgentsError } from "./error.ts";

/** How code of one language is stored and run. */
export interface Language {
  /** The canonical name. */
  readonly name: string;
  /** Other names that `--lang` and requests accept. */
  readonly aliases: readonly string[];
  /** The name of the code's file in the work directory. */
  readonly fileName: string;
  /** File name extensions that map to this language, without the dot. Includes the extension of `fileName`. */
  readonly extensions: readonly string[];
  /** The image for Kubernetes, by pinned tag. */
  readonly image: string;
  /**
   * The interpreter and its arguments. The file's path and the request's arguments are appended. The first word is
   * looked up in the worker's PATH (in Kubernetes, in the image's).
   */
  readonly command: readonly string[];
  /**
   * Further arguments that the interpreter version in `image` supports and others may not. On the worker's machine, the
   * ones that its interpreter does not support are left out. In an image from a request or the configuration, all are
   * left out.
   */
  readonly versionFlags?: readonly string[];
}

const transformTypes = "--experimental-transform-types";

/** The command of a language in an image. The version flags are included only for the language's own image. */
export const commandInImage = ({ command, versionFlags = [], image }: Language, used: string): readonly string[] =>
  used === image ? [...command, ...versionFlags] : command;

/** The built-in languages. */
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
    // With `.js` Node detects CommonJS or ES module by syntax. Top-level await works in a module.
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
    // Node strips types itself. Its experimental warning would otherwise appear in the code's stderr.
    command: ["node", "--disable-warning=ExperimentalWarning"],
    // For enums, namespaces and parameter properties. Node has it from 22.7 to 25.
    versionFlags: [transformTypes],
  },
];

const languagesWithKernel: readonly string[] = ["python", "javascript", "typescript", "bash"];

/** Whether a session in the language keeps its names between calls. */
export const hasKernel = ({ name }: Pick<Language, "name">): boolean => languagesWithKernel.includes(name);

/**
 * Finds a language by name or alias, ignoring case.
 *
 * @throws KgentsError `unsupported-language`
 */
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

/** The language of a file name, by its extension; undefined if the extension is unknown. */
export function languageOfFile(languages: readonly Language[], fileName: string): Language | undefined {
  const extension = /\.([^./]+)$/.exec(fileName)?.[1]?.toLowerCase();
  return extension === undefined ? undefined : languages.find((language) => language.extensions.includes(extension));
}
