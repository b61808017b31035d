"""The tables of the decoy benchmark, from its results, and the pages that have them.

A page says where a table goes by two comments, ``<!-- NAME: written by report.py -->`` before it
and ``<!-- end of NAME -->`` after it.
"""

import re

import numpy as np
import run
import synthetic

ROOT = run.HERE.parents[1]
PAGES = ("README.md", "docs/choosing-a-decoy.md", "benchmarks/decoy/README.md")
HELP = ("src/docs/user/commands/makesphere.html",)
MARK = r"(<!-- {}: written by report.py -->\n).*?(<!-- end of {} -->)"
LEAST_SEEDS = 3  # below which nothing is quoted
NAMES = {
    "noise": "pure noise",
    "ice": "ice",
    "aggregate": "aggregates",
    "small": "small pieces",
    "half": "halves",
}


def select(rows, **wanted):
    """Return the rows whose columns have the values that are wanted."""
    return [row for row in rows if all(row[k] == str(v) for k, v in wanted.items())]


def caught(row, kinds=synthetic.JUNK):
    """Return the junk of these kinds that was caught in a run, in percent."""
    total, out = (sum(int(row[f"{k}{s}"]) for k in kinds) for s in ("", "_caught"))
    return 100 * out / total


def lost(row):
    """Return the particles lost in a run, in percent."""
    return 100 * int(row["particle_lost"]) / int(row["particle"])


def span(values, digits=0):
    """Return the mean of percentages and their range over seeds, as "47 (43-50)"."""
    if not values:
        return "-"
    mean, low, high = (f"{v:.{digits}f}" for v in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low}-{high})"


def quoted(rows, measure, digits=0):
    """Return what `span` does, or a dash where there are fewer seeds than are quoted."""
    if len(rows) < LEAST_SEEDS:
        return "-"
    return span([measure(row) for row in rows], digits)


def percent(shares):
    """Return the mean over maps with its range, and on how many maps if not on all."""
    where = f", {len(shares)} of {len(synthetic.MAPS)} maps"
    where = "" if len(shares) == len(synthetic.MAPS) else where
    return f"{span(shares)} %{where}" if shares else "-"


def markdown(heads, lines):
    """Return a Markdown table, all columns but the first to the right."""
    rows = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    return "\n".join(rows + ["| " + " | ".join(line) + " |" for line in lines])


def label(setting, style=None):
    """Return how a page names a setting: what can be typed as code, with its radius."""
    if setting.endswith(", noise"):
        return f"balls of noise, as strong as `{setting.removesuffix(', noise')}`"
    if re.fullmatch(r"[\d.]*(match)?(,[\d.]*match)*", setting):
        setting = f"radius 1.3fit value {setting}"
    return f"`{setting}`" if setting.startswith("radius") and style is not html else setting


def html(heads, lines):
    """Return a table for the help pages."""
    rows = ["<tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    rows += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines]
    return "\n".join(["<table>", *rows, "</table>"])


ALL = (run.ENGINE, *run.RELION.values())


def classifiers(rows, among=ALL):
    """Return the classifiers that have results, the engine first."""
    return [c for c in among if select(rows, classifier=c)]


def enough(rows):
    """Return the rows of those settings, maps and classifiers that have enough seeds to quote."""
    keys = [(row["setting"], row["map"], row["classifier"]) for row in rows]
    return [row for row, key in zip(rows, keys, strict=True) if keys.count(key) >= LEAST_SEEDS]


def over_maps(rows, setting, classifier, measure):
    """Return the mean of each map that has enough seeds; of the maps, a list of float."""
    found = []
    for name in synthetic.MAPS:
        of_map = select(rows, setting=setting, classifier=classifier, map=name)
        if len(of_map) >= LEAST_SEEDS:
            found.append(np.mean([measure(row) for row in of_map]))
    return found


def summary(rows, style=markdown):
    """Return the short table: what each line of values caught, over all maps."""
    found = classifiers(rows, run.BOTH)
    heads = ["spheres", *(f"junk caught, {c}" for c in found), "particles lost"]
    lines = []
    for setting in run.SHORT:
        cells, all_lost = [], []
        for classifier in found:
            shares = over_maps(rows, setting, classifier, caught)
            cells.append(percent(shares))
            of_setting = select(rows, setting=setting, classifier=classifier)
            all_lost += [lost(row) for row in enough(of_setting)]
        lines.append(
            [label(setting, style), *cells, f"{max(all_lost):.1f} % at most" if all_lost else "-"]
        )
    return style(heads, lines)


def by_map(rows):
    """Return the junk caught on each map, for the settings that were run on all of them."""
    lines = []
    for setting in run.MAIN:
        for classifier in classifiers(rows):
            of_setting = enough(select(rows, setting=setting, classifier=classifier))
            if of_setting:
                cells = [
                    quoted([row for row in of_setting if row["map"] == name], caught)
                    for name in synthetic.MAPS
                ]
                most = max(lost(row) for row in of_setting)
                lines.append([label(setting), classifier, *cells, f"{most:.1f}"])
    return markdown(["spheres", "classifier", *synthetic.MAPS, "most particles lost"], lines)


def by_kind(rows):
    """Return what was caught of each kind, over all maps, by the settings that matter most."""
    columns = [
        (setting, classifier)
        for setting in ("1", run.AROUND, run.BESIDE)
        for classifier in classifiers(rows, run.BOTH)
        if over_maps(rows, setting, classifier, caught)
    ]
    lines = []
    for kind in synthetic.JUNK:
        shares = [over_maps(rows, *c, lambda row, k=kind: caught(row, (k,))) for c in columns]
        lines.append([NAMES[kind], *(percent(share) for share in shares)])
    return markdown(["junk", *(f"{label(s)}, {c}" for s, c in columns)], lines)


def everything(rows):
    """Return every setting on every map by every classifier, by kind."""
    kinds = list(synthetic.JUNK)
    heads = ["setting", "map", "classifier", "seeds", "strength", "with CTF"]
    heads += [*(NAMES[k] for k in kinds), "all junk", "particles lost", "s"]
    lines = []
    for setting in run.SETTINGS:
        for name in synthetic.MAPS:
            for classifier in classifiers(rows):
                of = select(rows, setting=setting, map=name, classifier=classifier)
                if not of:
                    continue
                cells = [setting, name, classifier, str(len(of))]
                cells += [numbers(of, c) for c in ("strength", "strength_with_ctf")]
                cells += [span([caught(row, (kind,)) for row in of]) for kind in kinds]
                cells += [span([caught(row) for row in of]), span([lost(row) for row in of], 1)]
                lines.append([*cells, f"{np.mean([int(row['seconds']) for row in of]):.0f}"])
    return markdown(heads, lines)


def factors(rows):
    """Return what changes for either pair when one thing does, on the maps it was tried on."""
    columns = [(pair, name) for pair in run.PAIRS for name in run.FACTOR_MAPS]
    lines = []
    for condition in ("", *run.CONDITIONS):
        cells = []
        for pair, name in columns:
            setting = run.under(pair, condition) if condition else pair
            of = select(rows, setting=setting, map=name, classifier=run.ENGINE)
            some_lost = len(of) >= LEAST_SEEDS and any(map(lost, of))
            cells.append(
                quoted(of, caught) + (f"; lost {quoted(of, lost, 1)}" if some_lost else "")
            )
        lines.append([condition or "as above", *cells])
    places = {run.AROUND: "around", run.BESIDE: "beside"}
    return markdown(["", *(f"{places[pair]}, {name}" for pair, name in columns)], lines)


def shapes(rows):
    """Return what other spheres caught on one map."""
    lines = []
    for setting in (run.AROUND, run.BESIDE, *run.SHAPES):
        of = select(rows, setting=setting, map=run.ONE_MAP, classifier=run.ENGINE)
        if len(of) >= LEAST_SEEDS:
            lines.append([label(setting), quoted(of, caught), quoted(of, lost, 1)])
    return markdown([run.ONE_MAP, "junk caught", "particles lost"], lines)


def numbers(rows, column):
    """Return the mean of a column that holds one number per decoy, as text per decoy."""
    per_decoy = zip(*(map(float, r[column].split(";")) for r in rows if r[column]), strict=True)
    means = [np.mean(values) for values in per_decoy]
    return ", ".join(f"{v:.0f}" if v >= 10 else f"{v:.2g}" for v in means) or "-"


def amount(rows):
    """Return how much was run, and what of the plan is missing."""
    hours = sum(int(row["seconds"]) for row in rows) / 3600
    text = f"{len(rows)} runs, {hours:.1f} hours one after the other."
    missing = {(r.setting, r.classifier) for r in run.PLAN} - {
        (r.setting, r.classifier) for r in run.PLAN if r.name in {row["run"] for row in rows}
    }
    left = len(run.PLAN) - len({row["run"] for row in rows} & {r.name for r in run.PLAN})
    if left:
        text += f" {left} of the {len(run.PLAN)} planned runs are missing"
        whole = ", ".join(f"{s} ({c})" for s, c in sorted(missing))
        text += f"; not begun: {whole}." if whole else "."
    return text


def blocks(rows):
    """Return all tables, by the name of the markers they go between."""
    return {
        "summary": summary(rows),
        "summary for help": summary(rows, html),
        "maps": by_map(rows),
        "kinds": by_kind(rows),
        "factors": factors(rows),
        "shapes": shapes(rows),
        "all results": everything(rows) + "\n\n" + amount(rows),
    }


def fill(text, rows):
    """Return a page with the tables between its markers made anew."""
    for name, table in blocks(rows).items():
        space = "" if "help" in name else "\n"
        text = re.sub(
            MARK.format(name, name),
            lambda m, t=f"{space}{table}\n{space}": m[1] + t + m[2],
            text,
            flags=re.DOTALL,
        )
    return text
