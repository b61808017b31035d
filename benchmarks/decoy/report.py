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
    """Draw what is caught by kind and against strength, and the class of a sphere of density 1."""
    figure, (kinds, left, right) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    colors = {
        "noise": "tab:blue",
        "ice": "tab:cyan",
        "aggregate": "tab:red",
        "small": "tab:green",
        "half": "tab:orange",
    }
    below = {"fontsize": 8, "loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "frameon": False}
    bars = {"1": "0.8", run.AROUND: "0.6", run.BESIDE: "#f0a830"}
    for place, (setting, color) in enumerate(bars.items()):
        shares = [
            pages.over_maps(rows, setting, run.ENGINE, lambda row, k=kind: pages.caught(row, (k,)))
            for kind in synthetic.JUNK
        ]
        at = np.arange(len(shares)) + (place - 1) * 0.27
        words = pages.label(setting).strip("`")
        kinds.bar(at, [np.mean(of) if of else 0 for of in shares], 0.25, color=color, label=words)
        for x, of in zip(at, shares, strict=True):
            kinds.plot([x] * len(of), of, "o", color="black", markersize=2.5)
    names = [pages.NAMES[kind].replace(" ", "\n") for kind in synthetic.JUNK]
    kinds.set_xticks(range(len(names)), names, fontsize=8.5)
    kinds.set(ylim=(0, 104), ylabel="caught, %")
    kinds.set_title("Mean over the maps; a dot is a map", fontsize=10)
    kinds.legend(**below)
    single = [
        pages.select(rows, setting=s, classifier=run.ENGINE, map=run.ONE_MAP) for s in run.SINGLE
    ]
    single = [of for of in single if len(of) >= pages.LEAST_SEEDS]
    strengths = [float(of[0]["strength_with_ctf"]) for of in single]
    for kind, color in colors.items():
        shares = [[pages.caught(row, (kind,)) for row in of] for of in single]
        left.plot(strengths, [np.mean(v) for v in shares], color=color, label=pages.NAMES[kind])
        for strength, values in zip(strengths, shares, strict=True):
            left.plot([strength] * len(values), values, "o", color=color, markersize=3)
    left.axvline(1, color="black", linewidth=0.8)
    note = {
        "rotation": 90,
        "va": "center",
        "ha": "center",
        "fontsize": 8,
        "backgroundcolor": "white",
    }
    left.text(1, 50, "as strong as the map", **note)
    left.set(xscale="log", ylim=(-4, 104), ylabel="caught, %")
    left.set(xlabel="strength of the sphere in the images, that is with the CTF")
    left.set_title(f"One sphere around the particle, {run.ONE_MAP}", fontsize=10)
    left.xaxis.set_major_formatter("{x:g}")
    left.legend(ncols=5, **below)
    found = pages.select(rows, setting="1", classifier=run.ENGINE)
    for kind in (synthetic.PARTICLE, "noise", "small", "aggregate"):
        place = (synthetic.PARTICLE, *synthetic.JUNK).index(kind)
        each = [
            [int(words.split()[place]) / int(row[kind]) for words in row["history"].split(";")]
            for row in found
        ]
        label = pages.NAMES.get(kind, "particles")
        steps = np.arange(1, len(each[0]) + 1)
        color = colors.get(kind, "black")
        right.plot(steps, 100 * np.mean(each, axis=0), ".-", color=color, label=label)
    right.set(xlabel="iteration; the last two are full passes", ylabel="in its class, %")
    right.set(ylim=(-4, 104), xticks=range(1, 18, 2))
    right.set_title("A sphere of density 1, all maps", fontsize=10)
    right.legend(ncols=4, **below)
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
