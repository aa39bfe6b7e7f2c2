import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Python imports this module when it starts. It adds the packages in front of those of the interpreter, but after the
 * standard library, which packages must not replace: `PYTHONPATH` alone would put them before it, and would not read
 * the packages' own `.pth` files. It then gives way to a `sitecustomize` of the interpreter.
 */
const source = `import os, site, sys

def _start():
    here = os.path.dirname(os.path.abspath(__file__))
    packages = os.path.join(os.path.dirname(here), "site")
    known = list(sys.path)
    site.addsitedir(packages)
    added = [path for path in sys.path if path not in known]
    places = [known.index(path) for path in known if os.path.basename(path) in ("site-packages", "dist-packages")]
    first = min(places) if places else len(known)
    sys.path[:] = [path for path in known[:first] if path != here] + added + known[first:]
    import importlib.machinery, importlib.util
    other = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if other is not None and other.loader is not None:
        other.loader.exec_module(importlib.util.module_from_spec(other))

_start()
`;

/** Writes the module that makes Python find the packages beside its directory. */
export async function startModule(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "sitecustomize.py"), source);
}
