/**
 * Requirements of Python packages, as PEP 508 writes them: a name, extras, versions and a marker. What would take a
 * package from elsewhere than the index (an address, a path, an option of the installer) is not a requirement here.
 *
 * @module
 */

/** The longest requirement, in characters. */
export const maximumRequirementLength = 200;

/** What a requirement may be, for error messages. */
export const pythonRule = `a package of the index by PEP 508, such as "numpy" or "pandas[excel]>=2,<3", without addresses, paths and options, at most ${maximumRequirementLength} characters`;

const name = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
const blank = "[ \\t]*";
const version = `(?:===|==|!=|~=|<=|>=|<|>)${blank}[A-Za-z0-9][A-Za-z0-9.*+!_-]*`;
const versions = `${version}(?:${blank},${blank}${version})*`;
const extras = `\\[${blank}${name}(?:${blank},${blank}${name})*${blank}\\]`;
// Words, quoted text, comparisons and parentheses. The installer checks their grammar.
const marker = `;${blank}[A-Za-z0-9_.'" ()<>=!~+*-]+`;

/** The form of a requirement. Uses nothing that validators of JSON Schema in other languages do not support. */
export const pythonRequirementPattern = new RegExp(
  `^${blank}(${name})${blank}(?:${extras})?${blank}(?:${versions}|\\(${blank}${versions}${blank}\\))?${blank}(?:${marker})?$`,
);

const archive = /\.(?:whl|zip|tar|tgz|tbz|txz|gz|bz2|xz|lz|lzma)$/i;

/** The name of a Python package in the form in which the index compares names (PEP 503). */
export const normalPythonName = (given: string): string => given.toLowerCase().replaceAll(/[-_.]+/g, "-");

/** The normal name of the package that a requirement asks for; undefined if the text is not a requirement. */
export function pythonPackageOf(requirement: string): string | undefined {
  if (requirement.length > maximumRequirementLength) return undefined;
  const found = pythonRequirementPattern.exec(requirement)?.[1];
  // Installers read such a name as that of a file.
  return found === undefined || archive.test(found) ? undefined : normalPythonName(found);
}
