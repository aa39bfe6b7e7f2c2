/**
 * Reads YAML whose mistakes have places.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isScalar,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type YAMLError,
} from "yaml";
import { messageOf } from "#core/text/message-of";
import { type Place, placeAt } from "./yaml-place.ts";

/** A mistake in the form of the YAML. */
export interface YamlMistake extends Place {
  /** The key that it is about; empty if it is about none. */
  readonly field: string;
  readonly message: string;
}

/** A document that was read. */
export interface YamlDocument {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly mistakes: readonly YamlMistake[];
  /** The value; undefined if the mistakes leave none that can be checked further. */
  readonly value: unknown;
}

/** Our own words for mistakes that people make, by the parser's code. */
const wordsOfCodes: Readonly<Partial<Record<YAMLError["code"], string>>> = {
  BLOCK_AS_IMPLICIT_KEY: "got a field in the middle of a value: check the indentation, or put the value in quotes",
  TAB_AS_INDENT: "tabs cannot indent YAML: use spaces",
  NON_STRING_KEY: "got a list or an object as a key; allowed is text",
  TAG_RESOLVE_FAILED: "tags (`!...`) are not supported: write plain values",
};

/** The same, by the parser's words, where one code stands for several mistakes. */
const wordsOfMessages: Readonly<Record<string, string>> = {
  "Implicit map keys need to be followed by map values": "got a line without `:`; allowed is `field: value`",
  "Missing directives-end/doc-start indicator line": "directives (`%...`) are not supported",
  "Missing closing 'quote": "a quote ' is not closed",
  'Missing closing "quote': 'a quote " is not closed',
};

const inWords = ({ code, message }: YAMLError): string => wordsOfCodes[code] ?? wordsOfMessages[message] ?? message;

const keyAt = (text: string, offset: number): string => /^["']?([^"':\s]*)/.exec(text.slice(offset))?.[1] ?? "";

/** The mistakes that the parser finds. One unclosed bracket can cause many: the first of each line is kept. */
function parserMistakes(text: string, document: Document, lines: LineCounter): YamlMistake[] {
  const found = [...document.errors, ...document.warnings].map((error) => {
    const [offset] = error.pos;
    const isDouble = error.code === "DUPLICATE_KEY";
    return {
      ...placeAt(lines, offset),
      field: isDouble ? keyAt(text, offset) : "",
      message: isDouble ? "the field is there twice; allowed is once" : inWords(error),
    };
  });
  return found.filter(({ line }, index) => found.findIndex((other) => other.line === line) === index);
}

/** Aliases without an anchor, and numbers that JSON cannot hold exactly: the parser accepts both. */
function valueMistakes(document: Document, lines: LineCounter): YamlMistake[] {
  const mistakes: YamlMistake[] = [];
  const add = (node: Node, message: string): void => {
    mistakes.push({ ...placeAt(lines, node.range?.[0] ?? 0), field: "", message });
  };
  visit(document, (_, node) => {
    if (isAlias(node) && node.resolve(document) === undefined) {
      add(node, `the alias *${node.source} has no anchor &${node.source} before it`);
    }
    if (!isScalar(node) || typeof node.value !== "number") return;
    if (!Number.isFinite(node.value)) add(node, `got ${node.source}; allowed is a finite number`);
    else if (Number.isInteger(node.value) && !Number.isSafeInteger(node.value)) {
      add(node, `got ${node.source}, which is not exact as a number: put it in quotes`);
    }
  });
  return mistakes;
}

/** The mistake of aliases that cannot be expanded, at the first alias. */
function expansionMistake(document: Document, lines: LineCounter, error: unknown): YamlMistake {
  let offset = 0;
  visit(document, {
    Alias: (_, node) => {
      offset = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  const message =
    error instanceof ReferenceError ? "the aliases expand to more than 100 values; allowed are 100" : messageOf(error);
  return { ...placeAt(lines, offset), field: "", message };
}

function examine(text: string, document: Document, lines: LineCounter): YamlDocument {
  const mistakes = parserMistakes(text, document, lines);
  if (!document.errors.every(({ code }) => code === "DUPLICATE_KEY")) {
    return { document, lines, mistakes, value: undefined };
  }
  mistakes.push(...valueMistakes(document, lines));
  if (mistakes.some(({ message }) => message.startsWith("the alias "))) {
    return { document, lines, mistakes, value: undefined };
  }
  try {
    return { document, lines, mistakes, value: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    return { document, lines, mistakes: [...mistakes, expansionMistake(document, lines, error)], value: undefined };
  }
}

/** Reads documents of YAML 1.2 with its core schema: no tags, no merge keys, no dates. Empty documents are left out. */
export function readYaml(text: string): YamlDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments<ParsedNode>(text, {
    lineCounter: lines,
    prettyErrors: false,
    resolveKnownTags: false,
    stringKeys: true,
    version: "1.2",
  });
  if ("empty" in documents) return [];
  return documents
    .filter(({ contents, errors }) => contents !== null || errors.length > 0)
    .map((document) => examine(text, document, lines));
}
