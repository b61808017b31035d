"""Write the table and the plot of the decoy benchmark from its results.

The table goes into README.md between its two markers, the plot beside it::

    python benchmarks/decoy/report.py
"""

import argparse
import sys
from pathlib import Path

import matplotlib
import run
import synthetic

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BEGIN, END = "<!-- results: written by report.py -->", "<!-- end of results -->"
NAMES = {
    "noise": "pure noise",
    "ice": "ice",
    "aggregate": "aggregates",
    "small": "small pieces",
    "half": "halves",
}


def shares(rows, setting):
    """Return what a setting did, in percent per seed.

    Returns
    -------
    dict
        Kind of junk, "junk" for all of it and "particle" for particles lost -> list of float.
    """
    of_setting = [row for row in rows if row["setting"] == setting]
    found = {kind: [] for kind in (*synthetic.JUNK, "junk", synthetic.PARTICLE)}
    for row in of_setting:
        caught = {kind: int(row[f"{kind}_caught"]) for kind in synthetic.JUNK}
        total = {kind: int(row[kind]) for kind in synthetic.JUNK}
        for kind in synthetic.JUNK:
            found[kind].append(100 * caught[kind] / total[kind])
        found["junk"].append(100 * sum(caught.values()) / sum(total.values()))
        found[synthetic.PARTICLE].append(100 * int(row["particle_lost"]) / int(row["particle"]))
    return found


def _span(values, digits=0):
    """Return the mean of percentages and their range over seeds, as "47 (43-50)"."""
    mean, low, high = (
        f"{v:.{digits}f}" for v in (sum(values) / len(values), min(values), max(values))
    )
    return mean if low == high else f"{mean} ({low}-{high})"


def _mean(rows, column):
    """Return the mean of a column that holds one number per decoy, as text per decoy."""
    per_decoy = zip(*(map(float, r[column].split(";")) for r in rows if r[column]), strict=True)
    means = [sum(values) / len(values) for values in per_decoy]
    return ", ".join(f"{v:.0f}" if v >= 10 else f"{v:.2g}" for v in means) or "-"


def table(rows):
    """Return the results as a Markdown table."""
    kinds = list(synthetic.JUNK)
    heads = ["setting", "seeds", "energy ratio", *(NAMES[k] for k in kinds), "all junk"]
    heads.append("particles lost")
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for setting in run.SETTINGS:
        of_setting = [row for row in rows if row["setting"] == setting]
        if not of_setting:
            lines.append(f"| {setting} | 0 |" + " |" * (len(heads) - 2))
            continue
        found = shares(rows, setting)
        cells = [setting, str(len(of_setting)), _mean(of_setting, "energy_ratio")]
        cells += [_span(found[kind]) for kind in (*kinds, "junk")]
        cells.append(_span(found[synthetic.PARTICLE], 1))
        lines.append("| " + " | ".join(cells) + " |")
    seconds = sum(int(row["seconds"]) for row in rows)
    missing = len(run.PLAN) - len({row["run"] for row in rows})
    lines += ["", f"{len(rows)} runs, {seconds / 3600:.1f} hours one after the other."]
    if missing:
        lines[-1] += f" {missing} of the {len(run.PLAN)} planned runs are missing."
    return "\n".join(lines)


def plot(rows, path):
    """Draw one panel per kind of image: a dot per seed and a bar at the mean, per setting."""
    settings = [s for s in run.SETTINGS if any(row["setting"] == s for row in rows)]
    panels = {kind: f"{NAMES[kind]}\ncaught" for kind in synthetic.JUNK}
    panels[synthetic.PARTICLE] = "true particles\nlost"
    found = {setting: shares(rows, setting) for setting in settings}
    figure, axes = plt.subplots(
        1, len(panels), sharey=True, figsize=(11, 0.36 * len(settings) + 1.4), layout="constrained"
    )
    for axis, (kind, title) in zip(axes, panels.items(), strict=True):
        color = "tab:red" if kind == synthetic.PARTICLE else "tab:blue"
        for place, setting in enumerate(settings):
            values = found[setting][kind]
            axis.barh(place, sum(values) / len(values), color=color, alpha=0.3, height=0.7)
            axis.plot(values, [place] * len(values), "o", color=color, markersize=3.5)
        axis.set_title(title, fontsize=10)
        axis.set_xlim(-4, 104)
        axis.set_xticks([0, 50, 100])
        axis.xaxis.set_major_formatter("{x:.0f} %")
        axis.grid(axis="x", alpha=0.4)
        axis.set_axisbelow(True)
        # Between the lines one factor at a time changes from "match".
        for last in (run.MAIN[-1], run.ONE_FACTOR[-1]):
            if last in settings:
                axis.axhline(settings.index(last) + 0.5, color="black", linewidth=0.8)
    axes[0].set_yticks(range(len(settings)), settings)
    axes[0].set_ylim(len(settings) - 0.5, -0.5)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main():
    """Write the report from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--results", type=Path, default=run.HERE / "results.csv", help="default: beside this")
    add("--output", type=Path, default=run.HERE, help="folder; default: this script's")
    options = parser.parse_args()
    rows = run.read_results(options.results)
    if not rows:
        print(f"no results in {options.results}, so there is nothing to report")
        return 1
    readme = options.output / "README.md"
    text = readme.read_text() if readme.exists() else f"{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}")
    plot(rows, options.output / "results.png")
    print(f"{len(rows)} runs -> {readme}, {options.output / 'results.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
