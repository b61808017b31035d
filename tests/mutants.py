"""Put slips into the code, one at a time, and report those that no test notices.

    make mutants                        all modules that run without ChimeraX
    make mutants MODULE=naming          one
    make mutants SAMPLE=300 SEED=1      some of them

Each slip is made in a copy of the package, which a separate process imports. It runs the tests
that pass the changed line, the quickest first, until one fails. coverage.py records once which
tests pass which line, and again when a test or a module has changed.

`mutants.txt` lists slips that nobody could notice, with the reason. mutmut and cosmic-ray do not
fit: one cannot place `src` in the namespace package `chimerax`, the other starts Python and NumPy
anew for each of thousands of slips.
"""

import argparse
import ast
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/mutants"
KNOWN = ROOT / "tests/mutants.txt"
MODULES = [
    *(path.stem for path in sorted(ROOT.glob("src/engine/[!_]*.py"))),
    "arguments",
    "__main__",
]
# Tests that start processes, which coverage.py does not see.
UNSEEN = {"__main__": ["test_shell.py", "test_destination.py"]}
PROCESSES = 2
SLOWEST = 3  # seconds; slower tests are left out,
SLOWEST_OWN = 8  # unless they are the module's own and quicker than this
PATIENCE = 20  # seconds of tests for one slip
LIKELY = 12  # tests among which one usually fails
MEMORY = 6 * 2**30  # bytes
LONG_LINE = 240

BOUNDARY = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITE = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
TWINS = dict(
    pair
    for a, b in [
        ("min", "max"),
        ("any", "all"),
        ("floor", "ceil"),
        ("minimum", "maximum"),
        ("sin", "cos"),
        ("startswith", "endswith"),
    ]
    for pair in ((a, b), (b, a))
)
DROPPED_CALLS = {"abs", "sorted", "float", "int", "ceil", "floor", "rint", "lower"}


class Slips:
    """Every slip in a module's source, as (line, before, after, source with the slip)."""

    def __init__(self, source):
        self._tree = ast.parse(source)
        self._lines = ast.unparse(self._tree).splitlines()
        self.found = []
        _drop_docstrings(self._tree)
        self._lines = ast.unparse(self._tree).splitlines()
        self._visit(self._tree)

    def _slip(self, line, holder, field, new):
        """Replace a field, or an item of it, note the source that results, and put it back."""
        name, index = field if isinstance(field, tuple) else (field, None)
        values = getattr(holder, name)
        old = values if index is None else values[index]
        try:
            if index is None:
                setattr(holder, name, new)
            else:
                values[index] = new
            source = ast.unparse(ast.fix_missing_locations(self._tree))
        finally:
            if index is None:
                setattr(holder, name, old)
            else:
                values[index] = old
        lines = source.splitlines()
        changed = [
            n for n, pair in enumerate(zip(self._lines, lines, strict=False)) if pair[0] != pair[1]
        ]
        if changed:
            before, after = self._lines[changed[0]].strip(), lines[changed[0]].strip()
            if isinstance(new, ast.Pass):
                after = "pass"
            self.found.append((line, *_brief(before, after), source))

    def _visit(self, node):
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "format_spec"):
                continue
            if isinstance(node, ast.keyword) and node.arg in ("strict", "metavar"):
                continue  # A guard against what never happens, and prose.
            for field, child in (
                [((name, n), item) for n, item in enumerate(value)]
                if isinstance(value, list)
                else [(name, value)]
            ):
                if isinstance(child, ast.AST):
                    self._mutate(node, field, child)
                    if not isinstance(child, ast.JoinedStr):
                        self._visit(child)
                    else:
                        for part in child.values:
                            if isinstance(part, ast.FormattedValue):
                                self._visit(part)

    def _mutate(self, holder, field, node):
        def slip(new):
            self._slip(node.lineno, holder, field, new)

        def inner(name, new):
            self._slip(node.lineno, node, name, new)

        match node:
            case ast.Compare():
                for n, op in enumerate(node.ops):
                    # A whole condition is set to true and false below.
                    whole = isinstance(holder, ast.If | ast.IfExp)
                    for table in (BOUNDARY,) if whole else (BOUNDARY, OPPOSITE):
                        if type(op) in table:
                            inner(("ops", n), table[type(op)]())
            case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in ARITHMETIC:
                if not isinstance(
                    getattr(node, "left", None), ast.Constant | ast.JoinedStr
                ) or not (isinstance(node.left, ast.JoinedStr) or isinstance(node.left.value, str)):
                    inner("op", ARITHMETIC[type(op)]())
            case ast.BoolOp(op=op):
                inner("op", ast.Or() if isinstance(op, ast.And) else ast.And())
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
                slip(operand)
            case ast.Constant(value=bool(value)):
                slip(ast.Constant(not value))
            case ast.Constant(value=int(value)):
                slip(ast.Constant(value + 1))
                if value > 1:
                    slip(ast.Constant(value - 1))
                if value > 1000:
                    slip(ast.Constant(value * 2))
            case ast.Constant(value=float(value)) if 0 < value < 0.001:
                # Slack: all that tests can notice is that it is there, and small.
                slip(ast.Constant(0.0))
                slip(ast.Constant(value * 1e4))
            case ast.Constant(value=float(value)):
                slip(ast.Constant(value + 1 if value in (0.0, 1.0) else value * 1.2))
            case ast.Constant(value=str(value)):
                # Text with blanks is prose: testing every word would only hinder writers.
                if value and " " not in value.strip() and "\n" not in value:
                    slip(ast.Constant(value + "X"))
            case ast.Constant(value=bytes(value)):
                slip(ast.Constant(value + b"X"))
            case ast.Call(func=func, args=args):
                name = getattr(func, "id", getattr(func, "attr", ""))
                if name in TWINS:
                    inner_name = "id" if isinstance(func, ast.Name) else "attr"
                    self._slip(node.lineno, func, inner_name, TWINS[name])
                if name in DROPPED_CALLS and isinstance(func, ast.Name) and len(args) == 1:
                    slip(args[0])
                if name == "lower":
                    slip(func.value)
        match node:
            case ast.If() | ast.IfExp() | ast.While():
                inner("test", ast.Constant(False))
                if not isinstance(node, ast.While):
                    inner("test", ast.Constant(True))
            case ast.comprehension(ifs=[_, *_]):
                for n in range(len(node.ifs)):
                    self._slip(node.target.lineno, node, ("ifs", n), ast.Constant(True))
            case ast.Expr(value=ast.Call() | ast.Yield()) | ast.Raise() | ast.AugAssign():
                slip(ast.Pass())
            case ast.Continue() | ast.Break():
                slip(ast.Pass())
            case ast.Return(value=value) if value is not None:
                if isinstance(holder, ast.FunctionDef) and field[1] == len(holder.body) - 1:
                    pass  # Any test of the function notices that.
                else:
                    slip(ast.Pass())
            case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
                slip(ast.Pass())
            case ast.With(
                items=[ast.withitem(context_expr=ast.Call(func=ast.Name(id="suppress")))]
            ):
                slip(ast.If(ast.Constant(True), node.body, []))
            case ast.ExceptHandler():
                inner(("body", 0), ast.Raise())


def _brief(before, after):
    """Cut a long line, such as a table, to what is about the first difference."""
    if len(before) < LONG_LINE:
        return before, after
    pairs = enumerate(zip(before, after, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), 0)
    return tuple(f"...{text[max(at - 60, 0) : at + 60]}..." for text in (before, after))


def _drop_docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node, clean=False) is not None and len(node.body) > 1:
                del node.body[0]


# Which tests pass which line.


def record():
    """Run the suite once under coverage.py.

    Returns
    -------
    seconds : dict
        How long each test takes, with all its variants.
    lines : dict
        For each module, for each line, the tests that pass it.
    """
    sources = [*sorted(ROOT.glob("src/**/*.py")), *sorted(ROOT.glob("tests/**/*.py"))]
    sources.remove(Path(__file__).resolve())
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    cache = BUILD / "record.json"
    if cache.exists():
        known = json.loads(cache.read_text())
        if known["state"] == state:
            return known["seconds"], known["lines"]
    import coverage

    BUILD.mkdir(parents=True, exist_ok=True)
    settings = BUILD / "coveragerc"
    settings.write_text(
        f"[run]\ndata_file = {BUILD}/coverage\n"
        "source_pkgs = chimerax.makesphere\nconcurrency = thread\n"
    )
    words = ["-m", "coverage", "run", f"--rcfile={settings}", str(__file__), "--record"]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True)
    data = coverage.CoverageData(str(BUILD / "coverage"))
    data.read()
    lines = {}
    for path in data.measured_files():
        by_line = data.contexts_by_lineno(path)
        lines[Path(path).stem] = {
            str(line): sorted(filter(None, names)) for line, names in by_line.items()
        }
    seconds = json.loads((BUILD / "seconds.json").read_text())
    cache.write_text(json.dumps({"state": state, "seconds": seconds, "lines": lines}))
    return seconds, lines


class Stopwatch:
    """Notes how long each test takes, and tells coverage.py which test is running."""

    def __init__(self):
        self.seconds = Counter()

    def pytest_runtest_setup(self, item):
        import coverage

        coverage.Coverage.current().switch_context(item.nodeid.partition("[")[0])

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid.partition("[")[0]] += report.duration


def _run_all():
    import pytest

    watch = Stopwatch()
    left_out = ["--ignore=tests/test_panel.py", "--ignore=tests/test_wheel.py"]
    # It replaces coverage.py as Python's tracer.
    left_out.append("--deselect=tests/test_nothing_lost.py::test_killed_before_lines_that_write")
    status = pytest.main(["-q", "-p", "no:cacheprovider", *left_out], plugins=[watch])
    (BUILD / "seconds.json").write_text(json.dumps(watch.seconds))
    return status


# One slip.


class Verdict:
    """Notes which test fails."""

    def __init__(self, path):
        self._path = path

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._path.write_text(report.nodeid.partition("[")[0])

    def pytest_collectreport(self, report):
        if report.failed:
            self._path.write_text("import")


def _run_with(folder, tests):
    """Run tests on the package in a folder, in a separate process."""
    import resource

    import pytest

    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    words = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/tmp"]
    # Modules that are already imported do not need pytest's own asserts.
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    for part in filter(None, tests):
        # Each in a process that has not imported anything yet.
        pid = os.fork()
        if not pid:
            os._exit(int(pytest.main([*words, *part], plugins=[Verdict(folder / "verdict")])))
        if os.waitpid(pid, 0)[1]:
            return 1
    return 0


class Run:
    """Slips of one module, tried two at a time."""

    def __init__(self, module, seconds, lines):
        self._module = module
        self._seconds = seconds
        self._lines = lines.get(module, {})
        self._killers = defaultdict(int)
        self._own = {f"tests/{name}" for name in UNSEEN.get(module, [f"test_{module}.py"])}
        # A line that is run when the module is imported matters to any of these.
        own = {test for test in seconds if test.partition("::")[0] in self._own}
        self._all = sorted(own.union(*self._lines.values()))
        self._unseen = [
            t for t in seconds if module in UNSEEN and t.partition("::")[0] in self._own
        ]

    def tests(self, line):
        """Choose tests for a line, the likely ones and the others: first the module's own, then
        those that caught most, then the quick ones.
        """
        known = self._lines.get(str(line)) or []
        chosen = [*(known or self._all), *self._unseen]

        def is_own(test):
            return test.partition("::")[0] in self._own

        def is_quick(test):
            return self._seconds.get(test, 99) < (SLOWEST_OWN if is_own(test) else SLOWEST)

        def rank(test):
            return not is_own(test), -self._killers[test], self._seconds[test]

        quick = filter(is_quick, dict.fromkeys(chosen))

        total, taken = 0.0, []
        for test in sorted(quick, key=rank):
            if total + self._seconds[test] < PATIENCE:
                total += self._seconds[test]
                taken.append(test)
        # In two parts, so that most slips are caught before all test files have been imported.
        return taken[:LIKELY], taken[LIKELY:]

    def all(self, slips):
        """Try slips, and return (line, before, after, verdict) for each."""
        waiting, running, done = list(slips), {}, []
        free = list(range(PROCESSES))
        while waiting or running:
            while waiting and free:
                place = free.pop()
                slip = waiting.pop(0)
                running[self._start(place, slip)] = place, slip, time.monotonic()
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in running:
                place, slip, _ = running.pop(pid)
                done.append((*slip[:3], self._verdict(place, status)))
                free.append(place)
            elif not pid:
                for child, (_, _, since) in running.items():
                    if time.monotonic() - since > 4 * PATIENCE:
                        with contextlib.suppress(ProcessLookupError):
                            os.killpg(child, signal.SIGKILL)
                time.sleep(0.02)
        return done

    def _start(self, place, slip):
        line, _, _, source = slip
        folder = BUILD / f"{place}"
        shutil.rmtree(folder, ignore_errors=True)
        package = folder / "chimerax/makesphere"
        shutil.copytree(
            ROOT / "src", package, ignore=shutil.ignore_patterns("__pycache__", "docs", "icons")
        )
        _path(self._module, package).write_text(source)
        tests = self.tests(line)
        pid = os.fork()
        if not pid:
            status = 1
            try:
                status = _run_with(folder, tests)
            except BaseException as error:
                (folder / "verdict").write_text(repr(error))
            finally:
                os._exit(status)
        return pid

    def _verdict(self, place, status):
        """Return the name of the test that noticed; empty if none did."""
        file = BUILD / f"{place}/verdict"
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return ""
        test = file.read_text() if file.exists() else "time"
        self._killers[test] += 1
        return test or "time"


def _path(module, package):
    (path,) = package.rglob(f"{module}.py")
    return path


def read_known():
    """Read the slips that change nothing: the reason for each (module, before, after)."""
    known, reason = {}, ""
    for line in KNOWN.read_text("utf-8").splitlines() if KNOWN.exists() else []:
        if line.startswith("# "):
            reason = line[2:]
        elif line.strip():
            known[line.strip()] = reason
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", help="by default all that run without ChimeraX")
    parser.add_argument(
        "--sample", type=int, default=0, help="number of slips of each module to try"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        return _run_all()
    seconds, lines = record()
    _preload()
    known = read_known()
    unused = set(known)
    caught = counted = 0
    for module in options.modules or MODULES:
        start = time.monotonic()
        source = _path(module, ROOT / "src").read_text("utf-8")
        run = Run(module, seconds, lines)
        ((*_, verdict),) = run.all([(0, "", "", source)])
        if verdict:
            sys.exit(f"{module}: with no slip at all {verdict} fails")
        slips = Slips(source).found
        if options.sample and len(slips) > options.sample:
            slips = random.Random(options.seed).sample(slips, options.sample)
        done = run.all(slips)
        unnoticed = [
            (line, f"{module} | {before} | {after}")
            for line, before, after, verdict in done
            if not verdict
        ]
        unused -= {slip for _, slip in unnoticed}
        missed = [(line, slip) for line, slip in unnoticed if slip not in known]
        excused = len(unnoticed) - len(missed)
        here = len(done) - excused
        caught, counted = caught + here - len(missed), counted + here
        took = time.monotonic() - start
        summary = f"{here - len(missed)} of {here} caught, {excused} change nothing"
        print(f"{module}: {summary}, {took:.0f} s")
        for line, slip in sorted(missed):
            print(f"  {line}\t{slip}")
        sys.stdout.flush()
    if not options.sample:
        for slip in sorted(unused):
            if slip.partition(" | ")[0] in (options.modules or MODULES):
                print(f"noticed, or no more there: {slip}")
    print(f"{caught} of {counted}: {100 * caught / max(counted, 1):.1f} %")
    return 0 if caught >= 0.95 * counted else 1


def _preload():
    """Import what all tests need, except the package, so that each process starts with it."""
    import importlib

    # Threads do not survive a fork, and each process has one core.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for name in ("numpy", "scipy.ndimage", "mrcfile", "pytest", "hypothesis", "gemmi"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    from hypothesis import Phase, settings

    # It is enough that an example fails; it need not be the simplest.
    settings.register_profile(
        "mutants", phases=[Phase.explicit, Phase.generate], database=None, derandomize=True
    )
    settings.load_profile("mutants")


if __name__ == "__main__":
    sys.exit(main())
