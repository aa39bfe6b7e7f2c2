/**
 * Makes import declarations and dynamic imports work in a script: a declaration becomes an awaited call, `import(...)`
 * another function. Strings, comments, templates and regular expressions stay as they are. Lines keep their numbers.
 */

/** Keywords after which a slash begins a regular expression. */
const beforeRegularExpression =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|instanceof|await|yield|do|else)$/;
const declaration =
  /^import\s*(?:(?<clause>[\w$\s{},*]+?)\s*from\s*)?(?<from>"[^"\n]*"|'[^'\n]*')(?<rest>\s*with\s*\{[^}]*\})?/;

/** The declaration as an expression. */
function asCall({ clause, from, rest = "" }) {
  const lines = "\n".repeat((`${clause ?? ""}${rest}`.match(/\n/g) ?? []).length);
  const options = rest ? `, { with: ${rest.replace(/^\s*with\s*/, "")} }` : "";
  const loaded = `await __kgentsImport(${from}${options})`;
  if (clause === undefined) return `${loaded}${lines}`;
  const all = /^(?:(?<main>[\w$]+)\s*,?\s*)?(?:\*\s*as\s+(?<space>[\w$]+)|\{(?<names>[^}]*)\})?\s*$/.exec(
    clause.trim(),
  );
  if (!all) return undefined;
  const { main, space, names } = all.groups;
  if (space && !main) return `var ${space} = ${loaded}${lines}`;
  const parts = [
    main && `default: ${main}`,
    names
      ?.replace(/\s+as\s+/g, ": ")
      .trim()
      .replace(/,$/, ""),
  ].filter(Boolean);
  const named = `var { ${parts.join(", ").replace(/\s*\n\s*/g, " ")} } = ${loaded}`;
  return `${space ? `var ${space} = ${loaded}; ` : ""}${named}${lines}`;
}

/** The end of a string that begins at a position. */
function endOfString(code, begin) {
  for (let at = begin + 1; at < code.length; at += 1) {
    if (code[at] === "\\") at += 1;
    else if (code[at] === code[begin]) return at + 1;
    else if (code[at] === "\n" && code[begin] !== "`") return at;
  }
  return code.length;
}

/** The end of a regular expression that begins at a position. */
function endOfRegularExpression(code, begin) {
  let inClass = false;
  for (let at = begin + 1; at < code.length && code[at] !== "\n"; at += 1) {
    if (code[at] === "\\") at += 1;
    else if (code[at] === "[") inClass = true;
    else if (code[at] === "]") inClass = false;
    else if (code[at] === "/" && !inClass) return at + 1;
  }
  return begin + 1;
}

export function rewriteImports(code) {
  if (!code.includes("import")) return code;
  let out = "";
  /** The brackets that are open; a template's expression is "`". */
  const open = [];
  let at = 0;
  const copyTo = (end) => {
    out += code.slice(at, end);
    at = end;
  };
  /** Copies a template up to its end or its next expression. */
  const template = () => {
    for (let end = at; end < code.length; end += 1) {
      if (code[end] === "\\") end += 1;
      else if (code[end] === "`") return copyTo(end + 1);
      else if (code.startsWith("${", end)) {
        open.push("`");
        return copyTo(end + 2);
      }
    }
    return copyTo(code.length);
  };
  while (at < code.length) {
    const character = code[at];
    if (code.startsWith("//", at)) {
      const end = code.indexOf("\n", at);
      copyTo(end < 0 ? code.length : end);
    } else if (code.startsWith("/*", at)) {
      const end = code.indexOf("*/", at + 2);
      copyTo(end < 0 ? code.length : end + 2);
    } else if (character === '"' || character === "'") copyTo(endOfString(code, at));
    else if (character === "`") {
      copyTo(at + 1);
      template();
    } else if (character === "}" && open.at(-1) === "`") {
      open.pop();
      copyTo(at + 1);
      template();
    } else if (character === "/") {
      const before = out.trimEnd();
      const isExpression =
        before === "" || /[(,=:[!&|?{};+\-*%<>~^]$/.test(before) || beforeRegularExpression.test(before);
      copyTo(isExpression ? endOfRegularExpression(code, at) : at + 1);
    } else if (/[A-Za-z_$]/.test(character)) {
      const [word] = /^[\w$]+/.exec(code.slice(at));
      const isProperty = /\.\s*$/.test(out) && !out.endsWith("...");
      const after = code.slice(at + word.length);
      if (word !== "import" || isProperty) copyTo(at + word.length);
      else if (/^\s*\(/.test(after)) {
        out += "__kgentsImport";
        at += word.length;
      } else if (/^\s*\.\s*meta\b/.test(after)) {
        out += "__kgentsImportMeta";
        at += word.length + /^\s*\.\s*meta/.exec(after)[0].length;
      } else {
        const found = open.length === 0 ? declaration.exec(code.slice(at)) : null;
        const call = found && asCall(found.groups);
        if (call === null || call === undefined) copyTo(at + word.length);
        else {
          out += call;
          at += found[0].length;
        }
      }
    } else if (/[0-9]/.test(character)) copyTo(at + /^[\w.]+/.exec(code.slice(at))[0].length);
    else {
      if ("([{".includes(character)) open.push(character);
      else if (")]}".includes(character)) open.pop();
      copyTo(at + 1);
    }
  }
  return out;
}
