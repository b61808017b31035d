"""The benchmark's table, its figures and its plot, from what bench.py measured."""

import textwrap
from statistics import median

RADIUS = 0.35  # of the box
LINE = 100  # characters of a line of results.md

# What is measured: for each task its title, and its ways with their names. The first way is the
# one that the others are compared with.
TASKS = {
    "memory": (
        "Sphere in memory",
        {
            "makesphere": "makesphere",
            "chain": "NumPy, the by-hand chain step by step",
            "numpy": "NumPy, the shortest script",
            "skimage": "scikit-image's ball, put into the box",
        },
    ),
    "disk": (
        "Sphere on disk, from a map's header, within Python",
        {
            "makesphere": "makesphere",
            "limit": "the limit: numpy.zeros(...).tofile",
            "engine": "makesphere, the map read for facts and warnings as well",
        },
    ),
    "chimerax": (
        "In a ChimeraX session: model and file",
        {
            "makesphere": "makesphere",
            "pair": "makesphere, two, all measured from the map",
            "shape": "shape sphere, volume onesmask, save",
            "molmap": "marker, molmap balls, save",
            "hand": "by hand: volume scale twice, volume erase, save",
        },
    ),
    "shell": (
        "Whole shell command, start and imports included",
        {
            "makesphere": "makesphere, which reads the map",
            "pair": "makesphere, two, all measured from the map",
            "relion": "relion_mask_create",
            "pytom": "pytom-match-pick's spherical_mask",
            "skimage": "scikit-image's ball, mrcfile",
            "numpy": "NumPy, the shortest script, mrcfile",
            "ttmask": "ttmask sphere",
        },
    ),
    "measured": (
        "A map in memory: its particle, and what lies around the box center",
        {
            "map": "makesphere",
            "square": "the measure: (a * a).sum()",
        },
    ),
}
JUDGED = (256, 512)
FASTER, SLOWER = "times as fast, at least", "times its time, at most"


def _both(word, bound):
    return dict.fromkeys(JUDGED, (word, bound))


# What is wanted of the times: what it is, task, way, the way compared with, and for each box how.
RATIOS = [
    (
        "1. in memory, against the by-hand chain in NumPy",
        *("memory", "makesphere", "chain"),
        _both(FASTER, 10),
    ),
    ("2. on disk, against the limit", "disk", "makesphere", "limit", _both(SLOWER, 1)),
    ("3. in ChimeraX, against by hand", "chimerax", "makesphere", "hand", _both(FASTER, 6)),
    ("3. in ChimeraX, against molmap", "chimerax", "makesphere", "molmap", _both(FASTER, 1)),
    ("3. in ChimeraX, against a shape", "chimerax", "makesphere", "shape", _both(FASTER, 1)),
    ("4. shell, against relion_mask_create", "shell", "makesphere", "relion", {256: (SLOWER, 1.5)}),
    ("4. shell, against pytom-match-pick", "shell", "makesphere", "pytom", {256: (FASTER, 1)}),
    ("4. shell, against scikit-image", "shell", "makesphere", "skimage", {256: (FASTER, 1)}),
    ("4. shell, against a short NumPy script", "shell", "makesphere", "numpy", {256: (FASTER, 1)}),
    (
        "4. shell, against ttmask",
        *("shell", "makesphere", "ttmask"),
        {256: (FASTER, 1), 512: (FASTER, 100)},
    ),
    (
        "7. in ChimeraX, two that are measured, against one of density 1",
        *("chimerax", "pair", "makesphere"),
        {512: (SLOWER, 2.2)},
    ),
]
# What is wanted of the times themselves, in seconds.
TIMES = [("7. shell, two that are measured", "shell", "pair", {256: 1, 512: 3})]
# What is wanted of the peak memory, with the limit in MB for a result array of so many MB.
PEAKS = [
    ("1. in memory, peak", "memory", "makesphere", "1.05 result arrays", lambda a: 1.05 * a),
    ("4. shell, peak of the process", "shell", "makesphere", "300 MB", lambda a: 300),
    ("7. shell, peak of the process for these two", "shell", "pair", "300 MB", lambda a: 300),
]
SHORT = {
    "chain": "by-hand chain in NumPy",
    "numpy": "short NumPy script",
    "skimage": "scikit-image",
    "limit": "limit",
    "molmap": "molmap",
    "pair": "makesphere, two",
    "shape": "shape, onesmask",
    "hand": "by hand",
    "relion": "relion_mask_create",
    "pytom": "pytom-match-pick",
    "ttmask": "ttmask",
    "square": "(a * a).sum()",
    "engine": "with the map read",
}


def write(results, folder):
    """Write results.md and results.png into a folder.

    Returns
    -------
    str
        The text of results.md.
    """
    text = _text(results)
    (folder / "results.md").write_text(text, encoding="utf-8")
    _plot(results, folder / "results.png")
    return text


def seconds(results, task, way, box):
    """Median time of a way; None if it was not measured."""
    runs = results["runs"][task][way].get(box)
    return median(run["seconds"] for run in runs) if runs else None


def _megabytes(results, task, way, box):
    runs = results["runs"][task][way].get(box)
    if not runs or runs[0]["bytes"] is None:
        return None
    return max(run["bytes"] for run in runs) / 1e6


def _text(results):
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [
        "# How fast makesphere is, beside what people would use instead",
        "",
        *textwrap.wrap(
            f"Written by `make bench`. Machine: {results['machine']}. {versions}. "
            f"{results['date']}.",
            LINE,
            break_on_hyphens=False,
        ),
        "",
        *textwrap.wrap(
            f"A sphere with a radius of {RADIUS} of the box, hard-edged, float32 (a shape gives "
            f"int8), in an MRC file. Medians of {results['rounds']} rounds in turn; × is the time "
            "as a multiple of makesphere's in the same task; MB is the highest peak: of the whole "
            "process for shell commands, of what the task adds for the others. Makesphere's files "
            "are flushed to disk before the clock stops, those of all others only handed to the "
            "system.",
            LINE,
        ),
        "",
        "| |" + "".join(f" {box}³ | × | MB |" for box in results["boxes"]),
        "|---|" + "---:|---:|---:|" * len(results["boxes"]),
    ]
    for task, (title, ways) in TASKS.items():
        lines.append(f"| **{title}** |" + " | | |" * len(results["boxes"]))
        for way, name in ways.items():
            cells = "".join(_cells(results, task, way, box) for box in results["boxes"])
            lines.append(f"| {name} |{cells}")
    judged = [box for box in results["boxes"] if box in JUDGED]
    lines += ["", "| figure | wanted |" + "".join(f" {box}³ |" for box in judged)]
    lines.append("|---|---|" + "---|" * len(judged))
    for what, wanted, told in figures(results):
        lines.append(f"| {what} | {wanted} |" + "".join(f" {text} |" for text in told))
    return "\n".join([*lines, "", "![The same as a plot](results.png)", ""])


def _cells(results, task, way, box):
    time = seconds(results, task, way, box)
    if time is None:
        return " absent | | |"
    ratio = time / seconds(results, task, next(iter(TASKS[task][1])), box)
    peak = _megabytes(results, task, way, box)
    return f" {_time(time)} | {_ratio(ratio)} | {'' if peak is None else f'{peak:,.0f}'} |"


def _ratio(ratio):
    return f"{ratio:.2g}" if ratio < 99.5 else f"{ratio:.0f}"


def _time(seconds):
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def figures(results):
    """Compare with what is wanted: a list of (what, wanted, [found for each box])."""
    boxes = [box for box in results["boxes"] if box in JUDGED]
    rows = []
    for what, task, way, other, wanted in RATIOS:
        told = []
        for box in boxes:
            ours, theirs = (seconds(results, task, w, box) for w in (way, other))
            if box not in wanted or ours is None or theirs is None:
                told.append("")
                continue
            word, bound = wanted[box]
            ratio = theirs / ours if word == FASTER else ours / theirs
            holds = ratio >= bound if word == FASTER else ratio <= bound
            told.append(f"{ratio:.3g}, {_verdict(holds)}")
        wishes = {f"{word} {bound:g}": box for box, (word, bound) in wanted.items()}
        same = len(wishes) < len(wanted)
        texts = [wish if same else f"{box}³: {wish}" for wish, box in wishes.items()]
        rows.append((what, "; ".join(texts), told))
    for what, task, way, wanted in TIMES:
        times = {box: seconds(results, task, way, box) for box in boxes}
        told = [f"{time:.3g} s, {_verdict(time <= wanted[box])}" for box, time in times.items()]
        limits = "; ".join(f"{box}³: at most {limit:g} s" for box, limit in wanted.items())
        rows.append((what, limits, told))
    for what, task, way, wanted, limit in PEAKS:
        told = []
        for box in boxes:
            peak = _megabytes(results, task, way, box)
            holds = peak <= limit(4e-6 * box**3)
            told.append(f"{peak:,.1f} MB, {_verdict(holds)}")
        rows.append((what, wanted, told))
    start = ["`tests/test_start.py`"] * len(boxes)
    rows.append(("6. start of ChimeraX", "imports nothing of it", start))
    return sorted(rows, key=lambda row: row[0][0])


def _verdict(holds):
    return "holds" if holds else "**falls short**"


def _plot(results, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    heights = [len(ways) for _, ways in TASKS.values()]
    figure, axes = plt.subplots(
        len(TASKS),
        len(results["boxes"]),
        figsize=(4.2 * len(results["boxes"]) + 1.5, 11),
        sharex="col",
        sharey="row",
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )
    for row, (task, (title, ways)) in zip(axes, TASKS.items(), strict=True):
        names = [SHORT.get(way, "makesphere") for way in ways]
        for axis, box in zip(row, results["boxes"], strict=True):
            times = [seconds(results, task, way, box) for way in ways]
            ours = times[0]
            for place, (way, time) in enumerate(zip(ways, times, strict=True)):
                if time is None:
                    axis.text(1e-3, place, " absent", va="center", color="gray")
                    continue
                own = way in ("makesphere", "pair", "map", "engine")
                axis.barh(place, time, color="#2f7ed8" if own else "#b9bec6")
                label = _time(time) + (f"  ({_ratio(time / ours)} ×)" if place else "")
                axis.text(time, place, " " + label, va="center", fontsize=8)
            axis.set_yticks(range(len(names)), names, fontsize=9)
            axis.set_ylim(len(names) - 0.5, -0.5)
            axis.spines[["top", "right"]].set_visible(False)
            axis.set_xscale("log")
        row[0].set_title(title, loc="left", fontsize=10, fontweight="bold")
    for axis, box in zip(axes[0], results["boxes"], strict=True):
        axis.set_title(f"{box}³", loc="right", fontsize=12)
    for axis in axes[-1]:
        low, high = axis.get_xlim()
        axis.set_xlim(low, high * 30)
        axis.set_xlabel("seconds, shorter is better")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
