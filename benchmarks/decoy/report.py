"""Write the tables and the picture of the decoy benchmark from its results.

Tables go between their markers in the pages that have them, the picture into docs/pictures::

    python benchmarks/decoy/report.py
"""

import argparse
import sys
from pathlib import Path
from statistics import mean

import matplotlib
import pages
import plan

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PICTURE = "docs/pictures/decoys.png"
COLORS = {plan.AROUND: "#5b8cc4", plan.THEN_BESIDE: "#3a9a5b", plan.BESIDE: "#e0802a"}


def plot(rows: pages.Rows, path: Path) -> None:
    """Draw what is caught by kind, and the particles lost in every run."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12.5, 4.3), layout="constrained", width_ratios=(1.25, 1)
    )
    bars = {plan.HAND: "0.75", plan.AROUND: COLORS[plan.AROUND]}
    bars[plan.THEN_BESIDE] = COLORS[plan.THEN_BESIDE]
    names = {plan.HAND: "manual protocol: density 1"} | pages.ROUNDS
    for place, (setting, color) in enumerate(bars.items()):
        found = pages.select(rows, setting)
        for i, kind in enumerate(plan.JUNK):
            each = pages.by_map(found, lambda row, k=kind: pages.caught(row, (k,)))
            x = i + (place - 1) * 0.27
            name = names[setting] if i == 0 else None
            left.bar(x, mean(each) if each else 0, 0.25, color=color, label=name)
            left.plot([x] * len(each), each, ".", color="black", markersize=3)
    kinds = [pages.NAMES[kind].replace(" ", "\n") for kind in plan.JUNK]
    left.set_xticks(range(len(kinds)), kinds, fontsize=9)
    left.set(ylim=(0, 103), ylabel="caught, %")
    left.set_title("Junk caught: mean over the maps; a dot is a map", fontsize=10)
    left.legend(ncols=3, fontsize=9, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13))
    shown = ("map of 12 Å\nwith noise", "to 30 Å", "to 40 Å", "1,500\nimages", "1,500,\nto 40 Å")
    several = (plan.USUAL, plan.POOR, plan.BAD, plan.FEW, plan.FEW_BAD)
    older = False
    for place, (setting, color) in enumerate(COLORS.items()):
        for i, condition in enumerate(several):
            found = pages.select(rows, setting, condition)
            older = older or not all(map(plan.is_current, found))
            each = sorted(map(pages.lost, found))
            x = i + (place - 1) * 0.27
            across = [x + 0.2 * (j / max(len(each) - 1, 1) - 0.5) for j in range(len(each))]
            right.plot(across, each, ".", color=color, label=pages.ROUNDS[setting] if not i else "")
    right.axhline(1, color="black", linewidth=0.7)
    right.set_yscale("symlog", linthresh=0.1, linscale=0.4)
    right.set_yticks([0, 0.1, 1, 10, 50], ["0", "0.1", "1", "10", "50"])
    right.set_xticks(range(len(shown)), shown, fontsize=9)
    right.set(ylim=(-0.03, 60), ylabel="particles lost, %")
    which = "most runs are by an engine since mended" if older else "a dot is a run"
    right.set_title(f"Particles lost: {which}", fontsize=10)
    right.legend(
        ncols=3, fontsize=9, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13)
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> int:
    """Write the report from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--results", type=Path, default=plan.RESULTS, help="default: beside this")
    add("--output", type=Path, help="one file for the tables, instead of the pages' markers")
    options = parser.parse_args()
    rows = plan.read_results(options.results)
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
