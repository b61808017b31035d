"""Write the tables and plots of the decoy benchmark from its results.

Tables go between their markers in the pages that have them, the plot into docs/pictures::

    python benchmarks/decoy/report.py
"""

import argparse
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pages
import run
import synthetic

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PICTURE = "docs/pictures/decoys.png"


def plot(rows, path):
    """Draw what is caught against a sphere's strength, and the class of a sphere of density 1."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    colors = {
        "noise": "tab:blue",
        "ice": "tab:cyan",
        "aggregate": "tab:red",
        "small": "tab:green",
        "half": "tab:orange",
    }
    swept = [row for s in run.SWEEP for row in pages.select(rows, setting=s, classifier=run.ENGINE)]
    swept = [row for row in swept if row["map"] in run.FACTOR_MAPS]
    for kind in ("noise", "small", "aggregate", "ice", "half"):
        points = sorted(
            (float(row["strength_with_ctf"]), pages.caught(row, (kind,))) for row in swept
        )
        if points:
            x, y = np.array(points).T
            left.plot(x, y, "o", color=colors[kind], markersize=3, alpha=0.5)
            order = np.array_split(np.arange(len(x)), max(1, len(x) // 6))
            mean = [(np.exp(np.log(x[i]).mean()), y[i].mean()) for i in order]
            left.plot(*np.array(mean).T, color=colors[kind], label=pages.NAMES[kind])
    left.axvline(1, color="black", linewidth=0.8)
    left.set(
        xscale="log", xlabel="strength of the one sphere, as the images show it", ylim=(-4, 104)
    )
    left.set_ylabel("caught, %")
    left.legend(fontsize=8)
    found = [r for r in pages.select(rows, setting="1", classifier=run.ENGINE)]
    for kind in (synthetic.PARTICLE, "noise", "aggregate"):
        place = (synthetic.PARTICLE, *synthetic.JUNK).index(kind)
        each = [
            [int(words.split()[place]) / int(row[kind]) for words in row["history"].split(";")]
            for row in found
        ]
        if each:
            label = "particles" if kind == synthetic.PARTICLE else pages.NAMES[kind]
            color = colors.get(kind, "black")
            steps = np.arange(1, len(each[0]) + 1)
            right.plot(steps, 100 * np.mean(each, axis=0), ".-", color=color, label=label)
    right.set(xlabel="iteration", ylabel="in the class of a sphere of density 1, %", ylim=(-4, 104))
    right.legend(fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main():
    """Write the report from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--results", type=Path, default=run.HERE / "results.csv", help="default: beside this")
    add("--output", type=Path, help="one file for the tables, instead of the pages' markers")
    options = parser.parse_args()
    rows = run.read_results(options.results)
    if not rows:
        print(f"no results in {options.results}, so there is nothing to report")
        return 1
    if options.output:
        text = "\n\n".join(f"## {name}\n\n{table}" for name, table in pages.blocks(rows).items())
        options.output.write_text(text + "\n", "utf-8")
        plot(rows, options.output.with_suffix(".png"))
        print(f"{len(rows)} runs -> {options.output}")
        return 0
    for page in (*pages.PAGES, *pages.HELP):
        path = pages.ROOT / page
        path.write_text(pages.fill(path.read_text("utf-8"), rows), "utf-8")
    plot(rows, pages.ROOT / PICTURE)
    print(f"{len(rows)} runs -> {', '.join((*pages.PAGES, *pages.HELP, PICTURE))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
