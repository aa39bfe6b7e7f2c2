"""The Python kernel of a session: keeps one namespace, and evaluates the code of each call in it.

Needs Python 3.8 and nothing beside its library. See call.sh for the files that it shares with the calls. All that it
says is untrusted: it lives in the same process as the code.
"""
import sys

sys.dont_write_bytecode = True

import ast
import builtins
import importlib
import inspect
import json
import linecache
import os
import signal
import types

HOME = os.environ.pop("KGENTS_KERNEL")
WORK = os.getcwd()

# Bounds of what one call may show. The worker has its own.
MAXIMUM_DISPLAYS = 16
MAXIMUM_DISPLAY_BYTES = 8 * 1024 * 1024
MAXIMUM_TEXT = 64 * 1024

# The methods by which notebooks show a value: https://ipython.readthedocs.io/en/stable/config/integrating.html
REPRESENTATIONS = (
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_json_", "application/json"),
    ("_repr_latex_", "text/latex"),
)


class Displays:
    """What a call shows, within the bounds."""

    def __init__(self):
        self.bundles = []
        self.bytes = 0
        self.omitted = 0

    def add(self, bundle):
        size = sum(len(content) for content in bundle.values())
        if len(self.bundles) >= MAXIMUM_DISPLAYS or self.bytes + size > MAXIMUM_DISPLAY_BYTES:
            self.omitted += 1
            return
        self.bytes += size
        self.bundles.append(bundle)


current = Displays()


def encoded(content):
    """A representation as text: binary ones in base64, JSON as its text."""
    if isinstance(content, str):
        return content
    if isinstance(content, (bytes, bytearray)):
        import base64

        return base64.b64encode(content).decode("ascii")
    return json.dumps(content)


def shortened(text):
    if len(text) <= MAXIMUM_TEXT:
        return text
    return "%s... (%d characters more)" % (text[:MAXIMUM_TEXT], len(text) - MAXIMUM_TEXT)


def bundle_of(value):
    """The representations of a value, by MIME type. One that fails is left out; a failing repr is said."""
    bundle = {}
    # A class has the methods of its instances.
    if not isinstance(value, type):
        whole = getattr(value, "_repr_mimebundle_", None)
        if callable(whole):
            try:
                found = whole()
                found = found[0] if isinstance(found, tuple) else found
                bundle.update((str(kind), encoded(content)) for kind, content in dict(found).items())
            except Exception:
                pass
        for name, kind in REPRESENTATIONS:
            method = getattr(value, name, None)
            if kind in bundle or not callable(method):
                continue
            try:
                content = method()
                content = content[0] if isinstance(content, tuple) else content
                if content is not None:
                    bundle[kind] = encoded(content)
            except Exception:
                pass
    if "text/plain" not in bundle:
        try:
            bundle["text/plain"] = repr(value)
        except Exception as error:
            bundle["text/plain"] = "<%s: repr failed: %s>" % (type(value).__name__, type(error).__name__)
    bundle["text/plain"] = shortened(bundle["text/plain"])
    return bundle


def display(*values):
    """Shows values as the last expression of a call is shown."""
    for value in values:
        current.add(bundle_of(value))


def show_figures(*_, **__):
    """Shows all open figures of matplotlib, and closes them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not hasattr(pyplot, "get_fignums"):
        return
    import io

    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        current.add({"text/plain": repr(figure), "image/png": encoded(picture.getvalue())})
    pyplot.close("all")


class FigureHook:
    """Replaces `show` of matplotlib.pyplot when it is imported: without a window it would only warn."""

    def find_spec(self, name, path=None, target=None):
        if name != "matplotlib.pyplot":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.show = show_figures

        spec.loader.exec_module = exec_module
        return spec


class Namespace:
    """The names of the session: those of the module __main__."""

    def __init__(self):
        main = types.ModuleType("__main__")
        main.__dict__.update(__builtins__=builtins, display=display)
        sys.modules["__main__"] = main
        self.names = main.__dict__
        self.loop = None

    def run(self, code):
        """Runs compiled code. With a top-level await it is a coroutine."""
        value = eval(code, self.names)
        if not inspect.iscoroutine(value) or not code.co_flags & inspect.CO_COROUTINE:
            return value
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(value)
        try:
            return self.loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            raise

    def evaluate(self, source, name):
        """Evaluates the code of a call, and shows the value of its last expression."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(source, name, "exec", flags | ast.PyCF_ONLY_AST)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        if tree.body:
            self.run(compile(tree, name, "exec", flags))
        if last is None:
            return
        value = self.run(compile(last, name, "eval", flags))
        if value is not None:
            self.names["_"] = value
            if not ends_with_semicolon(source):
                display(value)


def ends_with_semicolon(source):
    """Whether a semicolon hides the value of the last expression, as in notebooks."""
    if ";" not in source:
        return False
    import io
    import tokenize

    ignored = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT)
    last = None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in ignored:
            last = token
    return last is not None and last.string == ";"


def magic_in(source, error):
    """A sentence about notebook syntax that is not Python; None if the fault is another one."""
    lines = source.splitlines()
    line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    if not line.startswith(("%", "!")):
        return None
    return "%r is a command of notebooks and not Python: %s" % (
        line.split()[0],
        "use subprocess.run, or a session of bash" if line.startswith("!") else "there are no magics here",
    )


class WorkModules:
    """Lets `import` load a module of the work directory again after its file has changed."""

    def __init__(self):
        self.seen = {}

    def state(self, path):
        try:
            found = os.stat(path)
            return (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            return None

    def note(self):
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path.startswith(WORK + os.sep) and name not in self.seen:
                self.seen[name] = (path, self.state(path))

    def forget_changed(self):
        importlib.invalidate_caches()
        for name, (path, state) in list(self.seen.items()):
            if self.state(path) != state:
                del self.seen[name]
                sys.modules.pop(name, None)


def open_stream(process, number, flags):
    """Opens a standard stream of another process. Without O_NONBLOCK it would wait for the other end of a pipe."""
    stream = os.open("/proc/%s/fd/%d" % (process, number), flags | os.O_NONBLOCK)
    os.set_blocking(stream, True)
    return stream


class Streams:
    """Connects standard input and output with those of a call. Between calls, output is kept for the next one."""

    def __init__(self):
        self.late = {}
        for number in (1, 2):
            path = os.path.join(HOME, "late.%d" % number)
            self.late[number] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self.disconnect()
        sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
        for name, number in (("stdout", 1), ("stderr", 2)):
            stream = open(number, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, "__%s__" % name, stream)

    def connect(self, process):
        for number in (1, 2):
            stream = open_stream(process, number + 5, os.O_WRONLY | os.O_APPEND)
            self.move_late(self.late[number], stream)
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)

    @staticmethod
    def move_late(late, stream):
        os.lseek(late, 0, os.SEEK_SET)
        while True:
            data = os.read(late, 65536)
            if not data:
                break
            while data:
                data = data[os.write(stream, data):]
        os.ftruncate(late, 0)

    def flush(self):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass

    def disconnect(self):
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        for number, late in self.late.items():
            os.dup2(late, number)


class Kernel:
    def __init__(self):
        self.streams = Streams()
        self.namespace = Namespace()
        self.modules = WorkModules()
        self.process = os.getpid()
        self.calls = 0

    def report(self, error):
        """Prints an error as Python does, without the frames of this file. Returns what is said of it."""
        import traceback

        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        printed = traceback.TracebackException(type(error), error, trace)
        sys.stderr.write("".join(printed.format()))
        return {"name": type(error).__name__, "message": shortened(str(error))}

    def evaluate(self, source, number):
        """Evaluates one call. Returns its exit code and what is said of it."""
        name = "<call %s>" % number
        # Without a time: checkcache keeps it.
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            self.modules.forget_changed()
            self.namespace.evaluate(source, name)
            show_figures()
            return 0, {"status": "ok"}
        except KeyboardInterrupt as error:
            return 130, {"status": "interrupted", "error": self.report(error)}
        except SystemExit as error:
            if isinstance(error.code, int) or error.code is None:
                code = error.code or 0
            else:
                code = 1
                sys.stderr.write("%s\n" % (error.code,))
            return code & 255, {"status": "exit"}
        except BaseException as error:
            said = self.report(error)
            if isinstance(error, SyntaxError) and error.filename == name:
                magic = magic_in(source, error)
                if magic:
                    sys.stderr.write(magic + "\n")
            return 1, {"status": "error", "error": said}

    def serve(self, number, process):
        global current
        folder = os.path.join(HOME, number)
        try:
            with open(open_stream(process, 5, os.O_RDONLY), "rb") as stdin:
                source = stdin.read().decode("utf-8")
            self.streams.connect(process)
        except (OSError, ValueError):
            # The call has ended before it began, or its streams are no pipes and no files.
            self.streams.disconnect()
            self.answer(folder, b"126")
            return
        current = Displays()
        said = {}
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code, said = self.evaluate(source, number)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            # It came in the moment at which the call had ended.
            code, said = 130, {"status": "interrupted"}
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getpid() != self.process:
            # A child that the code has forked, which came back from the code.
            self.streams.flush()
            os._exit(code)
        self.modules.note()
        self.streams.flush()
        self.streams.disconnect()
        self.calls += 1
        said["call"] = self.calls
        shown, current = current, Displays()
        path = os.path.join(folder, "result")
        # Without the displays if the disk is full.
        for bundles in (shown.bundles, []):
            said.update(displays=bundles, displaysOmitted=shown.omitted + len(shown.bundles) - len(bundles))
            try:
                with open(path + ".new", "w", encoding="utf-8") as file:
                    json.dump(said, file)
                os.replace(path + ".new", path)
                break
            except OSError:
                continue
        self.answer(folder, b"%d" % code)

    @staticmethod
    def answer(folder, code):
        try:
            reply = os.open(os.path.join(folder, "reply"), os.O_RDWR)
        except OSError:
            # The process of the call was killed, and a later call has removed what it left.
            return
        os.write(reply, code + b"\n")
        os.close(reply)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls = os.open(os.path.join(HOME, "calls"), os.O_RDWR)
    # Programs that the code starts must neither inherit it nor hold it open.
    kernel = Kernel()
    sys.meta_path.insert(0, FigureHook())
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ["PYTHONUNBUFFERED"] = "1"
    sys.argv = [""]
    sys.path[0] = ""
    path = os.path.join(HOME, "kernel")
    with open(path + ".new", "w") as file:
        file.write("%d\n" % os.getpid())
    os.replace(path + ".new", path)
    waiting = b""
    while True:
        while b"\n" not in waiting:
            waiting += os.read(calls, 4096)
        line, waiting = waiting.split(b"\n", 1)
        number, process = line.decode("ascii", "replace").split()
        if number.isdigit() and process.isdigit():
            kernel.serve(number, process)


main()
