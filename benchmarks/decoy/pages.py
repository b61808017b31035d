"""The tables of the decoy benchmark, from its results, and the pages that have them.

Needs neither PyTorch nor NumPy. A page says where a table goes by two comments,
``<!-- NAME: written by report.py -->`` before it and ``<!-- end of NAME -->`` after it.
"""

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from statistics import mean

import plan
from plan import (
    AROUND,
    BESIDE,
    ENGINE,
    HAND,
    JUNK,
    MASKED,
    MATCH,
    RELION,
    THEN_BESIDE,
    Conditions,
)

ROOT = plan.HERE.parents[1]
PAGES = ("README.md", "docs/choosing-a-decoy.md", "benchmarks/decoy/README.md")
HELP = ("src/docs/user/commands/makesphere.html",)
MARK = r"(<!-- {}: written by report.py -->\n).*?(<!-- end of {} -->)"
NAMES = {
    "noise": "pure noise",
    "ice": "ice",
    "edge": "carbon edges",
    "micelle": "empty micelles",
    "aggregate": "aggregates",
    "small": "small pieces",
    "half": "halves",
}
CONDITIONS = {
    "as above": plan.USUAL,
    "map low-passed to 30 Å": plan.POOR,
    "map low-passed to 40 Å": plan.BAD,
    "1,500 images": plan.FEW,
    "1,500 images, map low-passed to 40 Å": plan.FEW_BAD,
    "1,500 images, map low-passed to 30 Å": plan.FEW_POOR,
    "1,500 images, 70% junk": plan.FEW_DIRTY,
    "1,500 images, 70% junk, map low-passed to 30 Å": plan.FEW_DIRTY_POOR,
    "1,500 images, map of 40 Å whose noise stays": plan.FEW_NOISY,
    "1,500 images, 70% junk, map of 40 Å whose noise stays": plan.FEW_DIRTY_NOISY,
    "1,500 images, the job begins at 30 Å": plan.FEW_JOB,
    "1,500 images, 70% junk, the job begins at 30 Å": plan.FEW_DIRTY_JOB,
    "1,500 images, map low-passed to 40 Å, the job begins at 30 Å": plan.FEW_BAD_JOB,
    "1,500 images, map of 40 Å whose noise stays, the job begins at 30 Å": plan.FEW_NOISY_JOB,
    "1,500 images, SNR 0.02": plan.FEW_FAINT,
    "20,000 images": plan.MANY,
    "70% junk": plan.DIRTY,
    "SNR 0.02": plan.FAINT,
    "SNR 0.02, map low-passed to 40 Å": plan.FAINT_BAD,
}
# Halves what is at 30 Å: a Gaussian of 30 Å x sqrt(ln 2 / 2) / pi.
SMOOTH = "volume gaussian #1 sDev 5.6"
SHORT = (HAND, MATCH, AROUND, THEN_BESIDE, BESIDE)
# For those who have not read any further.
IN_WORDS = {
    HAND: "by hand: one sphere of density 1",
    AROUND: "makesphere #1: a faint and a bright sphere",
    THEN_BESIDE: "the same, and a second round with two small spheres beside the particle",
}
ROUNDS = {
    AROUND: "around",
    THEN_BESIDE: "around, then beside",
    BESIDE: "beside in the first round",
}

Rows = Sequence[dict[str, str]]
Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]


def select(
    rows: Rows, setting: str, conditions: Conditions = plan.USUAL, classifier: str = ENGINE
) -> Rows:
    """Return the results of a setting in some conditions, of maps with all seeds.

    Where not all of a map's have been repeated, they are the older ones.
    """
    ages = by_name(rows), by_name(rows, current=False)
    found = []
    for m in plan.MAPS:
        names = [plan.Run(setting, m, s, conditions, classifier).name for s in plan.SEEDS]
        for age in ages:
            if all(name in age for name in names):
                found += [age[name] for name in names]
                break
    return found


def by_name(rows: Rows, current: bool = True) -> dict[str, dict[str, str]]:
    """Return the current results, or the older ones, by the names of their runs."""
    return {row["run"]: row for row in rows if plan.is_current(row) is current}


def caught(row: dict[str, str], kinds: Sequence[str] = tuple(JUNK)) -> float:
    """Return the junk of these kinds that was caught in a run, in percent."""
    total, out = (sum(int(row[f"{k}{s}"]) for k in kinds) for s in ("", "_caught"))
    return 100 * out / total


def lost(row: dict[str, str]) -> float:
    """Return the particles lost in a run, in percent."""
    return 100 * int(row["particle_lost"]) / int(row["particle"])


def by_map(rows: Rows, measure: Callable[[dict[str, str]], float]) -> list[float]:
    """Return the mean over seeds for each map that has results."""
    found = {m: [measure(r) for r in rows if r["map"] == m] for m in plan.MAPS}
    return [mean(of) for of in found.values() if of]


def share(rows: Rows, kinds: Sequence[str] = tuple(JUNK)) -> str:
    """Return the junk caught, as the mean over maps with its range: "75% (66-90)"."""
    each = by_map(rows, lambda row: caught(row, kinds))
    if not each:
        return "-"
    middle, low, high = (f"{v:.0f}" for v in (mean(each), min(each), max(each)))
    spread = "" if low == high else f" ({low}-{high})"
    return f"{middle}%{spread}{some_maps(rows)}"


def some_maps(rows: Rows) -> str:
    """Return how many maps there are, if not all: ", 2 maps"."""
    count = len({row["map"] for row in rows})
    return "" if count == len(plan.MAPS) else f", {count} map{'s' * (count > 1)}"


def losses(rows: Rows) -> str:
    """Return the particles lost, as the mean with the worst of all runs: "0.1% (3.8)"."""
    if not rows:
        return "-"
    each = [lost(row) for row in rows]
    middle, most = (f"{v:.1f}" for v in (mean(each), max(each)))
    return f"{middle}%" if middle == most else f"{middle}% ({most})"


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, all columns but the first to the right."""
    rows = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    return "\n".join(rows + ["| " + " | ".join(line) + " |" for line in lines])


def html(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table for the help pages."""
    rows = ["<tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    rows += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines]
    return "\n".join(["<table>", *rows, "</table>"])


def label(setting: str, style: Table = markdown) -> str:
    """Return how a page names a setting: what can be typed as code."""
    if setting.startswith(MASKED):
        return "map masked, " + label(setting.removeprefix(MASKED), style)
    parts = setting.split(", then ")
    code = [f"`{p}`" if p.startswith("radius") and style is not html else p for p in parts]
    return ", then ".join(code)


def summary(rows: Rows, style: Table = markdown) -> str:
    """Return the short table: what spheres caught and lost, over all maps."""
    heads = ["spheres", "junk caught: mean over eight maps", "range over maps"]
    heads += ["particles lost: mean of 24 runs", "worst run"]
    lines = []
    for setting, words in IN_WORDS.items():
        caught_share, _, between = share(of := select(rows, setting)).partition(" ")
        lost_share, _, worst = losses(of).partition(" ")
        between, worst = (text.strip("()") for text in (between, worst))
        worst = f"{worst}%" if worst else lost_share
        lines.append([words, caught_share, f"{between}%" if between else "-", lost_share, worst])
    return style(heads, lines)


def kinds(rows: Rows) -> str:
    """Return what was caught of each kind."""
    settings = (HAND, MATCH, *ROUNDS)
    heads = ["junk", "manual protocol", "one sphere, `match`", *ROUNDS.values()]
    lines = [
        [NAMES[k], *(share(select(rows, setting), (k,)) for setting in settings)] for k in JUNK
    ]
    lines.append(["**all**", *(share(select(rows, setting)) for setting in settings)])
    lines.append(["**particles lost**", *(losses(select(rows, s)) for s in settings)])
    return markdown(heads, lines)


def conditions(rows: Rows) -> str:
    """Return what was caught and lost in the conditions in which all maps were tried."""
    lines = []
    for words, condition in CONDITIONS.items():
        found = [select(rows, setting, condition) for setting in ROUNDS]
        if any(of and not some_maps(of) for of in found):
            lines.append([words, *(both(of) for of in found)])
    return markdown(["junk caught; particles lost", *ROUNDS.values()], lines)


def both(rows: Rows) -> str:
    """Return what was caught and lost, over all: "75%; 0.1% (3.8)"."""
    return f"{mean(by_map(rows, caught)):.0f}%; {losses(rows)}{some_maps(rows)}" if rows else "-"


def maps(rows: Rows) -> str:
    """Return junk caught and particles lost on each map."""
    lines = []
    for setting in SHORT:
        of = select(rows, setting)
        cells = [[r for r in of if r["map"] == name] for name in plan.MAPS]
        lines.append([label(setting), *(over_seeds(c) for c in cells)])
    return markdown(["spheres", *plan.MAPS], lines)


def over_seeds(rows: Rows) -> str:
    """Return what was caught, and what was lost if it is something, with ranges over seeds."""
    if not rows:
        return "-"
    parts = []
    for measure, digits in ((caught, 0), (lost, 1)):
        each = [measure(row) for row in rows]
        texts = [f"{v:.{digits}f}" for v in (mean(each), min(each), max(each))]
        text = texts[0] if texts[1] == texts[2] else f"{texts[0]} ({texts[1]}-{texts[2]})"
        parts.append(text)
    return parts[0] if parts[1] == "0.0" else f"{parts[0]}; lost {parts[1]}"


def others(rows: Rows) -> str:
    """Return other spheres around and beside, on the maps that they were tried on."""
    lines = []
    for condition in CONDITIONS.values():
        tried = [*plan.OTHERS_AROUND, *plan.OTHERS_BESIDE, plan.TWICE, plan.THEN_AROUND]
        if condition != plan.USUAL:
            tried += [HAND, MATCH]
        if some_maps(select(rows, AROUND, condition)):
            tried += [AROUND]
        for setting in tried:
            of = select(rows, setting, condition)
            if not of:
                continue
            names = sorted({row["map"] for row in of}, key=plan.MAPS.index)
            words = next(w for w, c in CONDITIONS.items() if c == condition)
            for other in (setting, AROUND, BESIDE):
                same = [r for r in select(rows, other, condition) if r["map"] in names]
                if same:
                    known = [label(other), words, ", ".join(names)]
                    lines.append([*known, share(same), losses(same)])
    heads = ["spheres", "conditions", "maps", "junk caught", "particles lost"]
    return markdown(heads, list(dict.fromkeys(map(tuple, lines))))


def cases(rows: Rows) -> str:
    """Return what to type in which case, with what it caught and lost."""
    around, beside = "`makesphere #1`", f"`makesphere #2 {BESIDE}`"
    smooth = f"`{SMOOTH}`, then {beside}"
    micelles, alone = "of these, empty micelles", beside.replace("#2", "#1")
    lines = [
        line("6,000 images: first round", around, select(rows, AROUND)),
        line("then a second round", beside, select(rows, THEN_BESIDE)),
        line(micelles, "both rounds", select(rows, THEN_BESIDE), ("micelle",)),
        line("6,000 images: one round only", smooth, select(rows, BESIDE, plan.POOR)),
        line("a map of 40 Å", alone, select(rows, BESIDE, plan.BAD)),
        line("1,500 images, a map of 40 Å", "the same", select(rows, BESIDE, plan.FEW_BAD)),
        line("1,500 images, 70% junk: first round", around, tried(rows, AROUND, plan.FEW_DIRTY)),
        line("the same: one round only", smooth, tried(rows, BESIDE, plan.FEW_DIRTY_POOR)),
        line("or the job set to 30 Å", alone, tried(rows, BESIDE, plan.FEW_DIRTY_JOB)),
        ["junk classes of an ab-initio job at hand", "connect them as well", "not tried", "-", "-"],
    ]
    return markdown(["your case", "type", "junk caught", "particles lost", "runs"], lines)


def tried(rows: Rows, setting: str, conditions: Conditions, current: bool = True) -> Rows:
    """Return current or older results of a setting in some conditions, with all seeds or not."""
    found = by_name(rows, current)
    names = [run.name for run in plan.block([setting], conditions)]
    return [found[name] for name in names if name in found]


def line(words: str, typed: str, of: Rows, kinds: Sequence[str] = tuple(JUNK)) -> list[str]:
    """Return a line of `cases`."""
    return [words, typed, share(of, kinds), losses(of), str(len(of))]


def few(rows: Rows) -> str:
    """Return what was caught and lost on CPUs with few images, run by run."""
    starts = {
        "map as it is": ("", {}),
        "map masked": (MASKED, {}),
        "map low-passed to 30 Å": ("", {"start": 30}),
        "job begins at 30 Å": ("", {"job": 30}),
        "map of 40 Å, noise stays": ("", {"start": 40, "noise": 40}),
    }
    spheres = {"around": AROUND, "beside": BESIDE, "one `match`": MATCH}
    ways = {
        f"{words}, {start}": (before + setting, changes)
        for (words, setting), (start, (before, changes)) in product(spheres.items(), starts.items())
    }
    on_cpus = {row["run"]: row for row in rows if row["version"].endswith("+cpu")}
    table = {}
    for base in (plan.FEW_DIRTY, plan.FEW):
        for name, seed in product(plan.MAPS, plan.SEEDS):
            runs = [plan.Run(s, name, seed, replace(base, **c)) for s, c in ways.values()]
            found = [on_cpus.get(run.name) for run in runs]
            if any(found):
                table[f"{name} {seed}, {base.junk}% junk"] = found
    columns = [[row for row in of if row] for of in zip(*table.values(), strict=True)]
    kept = [i for i, column in enumerate(columns) if column]
    lines = [[words, *(_one(found[i]) for i in kept)] for words, found in table.items()]
    ends = (f"{mean(map(caught, c)):.0f}; {max(map(lost, c)):.1f}" for c in columns if c)
    lines.append(["**mean caught; most lost**", *ends])
    return markdown(["caught; lost, %", *(list(ways)[i] for i in kept)], lines)


def repeated(rows: Rows) -> str:
    """Return what was caught and lost in older runs that were repeated, then and now."""
    older, lines = by_name(rows, current=False), []
    for name, now in by_name(rows).items():
        then = older.get(name)
        if then is None or then["version"][-4:] != now["version"][-4:]:  # a GPU's other images
            continue
        conditions = f"{now['start_A']} Å, {now['images']} images, {now['junk_percent']}% junk"
        lines.append([label(now["setting"]), f"{now['map']} {now['seed']}", conditions])
        lines[-1] += [row["density"].split()[0] for row in (then, now)] + [_one(then), _one(now)]
    heads = ["spheres", "map, seed", "conditions", "density then", "now"]
    return markdown([*heads, "caught; lost then", "now"], lines)


def anew(rows: Rows) -> str:
    """Return what was caught and lost in older runs and in those since, on the same maps."""
    lines = []
    for setting, (words, condition) in product(SHORT, CONDITIONS.items()):
        now = tried(rows, setting, condition)
        names = {row["map"] for row in now}
        older = [r for r in tried(rows, setting, condition, current=False) if r["map"] in names]
        if older and now:
            runs = (f"{both(of)}, {len(of)} run{'s' * (len(of) > 1)}" for of in (older, now))
            lines.append([label(setting), words, *runs])
    return markdown(["spheres", "conditions", "older: caught; lost", "now"], lines)


def _one(row: dict[str, str] | None) -> str:
    """Return what was caught and lost in a run; in brackets if it is an older one."""
    if row is None:
        return "-"
    text = f"{caught(row):.0f}; {lost(row):.1f}"
    return text if plan.is_current(row) else f"({text})"


def relion(rows: Rows) -> str:
    """Return what RELION caught, by map."""
    lines = []
    for setting in (HAND, AROUND):
        of = select(rows, setting, plan.BY_RELION, RELION)
        for name in plan.MAPS:
            own = [row for row in of if row["map"] == name]
            if own:
                each = [f"{mean(caught(r, (k,)) for r in own):.0f}" for k in JUNK]
                lines.append([label(setting), name, over_seeds(own), *each])
    return markdown(["spheres", "map", "all junk", *NAMES.values()], lines)


def everything(rows: Rows) -> str:
    """Return every setting in all conditions, map by map and kind by kind."""
    found: dict[tuple, list[dict[str, str]]] = {}
    columns = ("setting", "map", "classifier", "start_A", "images", "junk_percent", "snr")
    columns += ("noise_A", "job_A", "match_of")
    for row in rows:
        found.setdefault(tuple(row[c] for c in columns), []).append(row)
    lines = [
        [
            label(key[0]), *key[1:], str(len(of)),
            *(f"{mean(caught(r, (k,)) for r in of if int(r[k])):.0f}" for k in JUNK),
            over_seeds(of), *numbers(of),
        ]
        for key, of in found.items()
    ]  # fmt: skip
    heads = ["setting", "map", "classifier", "start, Å", "images", "junk, %", "SNR"]
    heads += ["noise added at, Å", "job begins at, Å", "`match` of", "seeds"]
    heads += [*NAMES.values(), "all junk", "strength", "final Å", "s"]
    return markdown(heads, lines)


def numbers(rows: Rows) -> tuple[str, str, str]:
    """Return the decoys' strengths of one run, and means of resolution and time."""
    ends = [float(r["resolution_A"].split("; ")[-1]) for r in rows if r["resolution_A"]]
    end = f"{mean(ends):.1f}" if ends else "-"
    return rows[0]["strength"], end, f"{mean(float(r['seconds']) for r in rows):.0f}"


def amount(rows: Rows) -> str:
    """Return how much was run, and what of the plan is missing."""
    planned = [*plan.PLAN, *plan.RELION_PLAN]
    done = {row["run"] for row in rows}
    missing = [r for r in planned if r.name not in done]
    older = done - {row["run"] for row in rows if plan.is_current(row)}
    text = f"{len(rows)} runs."
    if older:
        text += f" {len(older)} are older ones only."
    if missing:
        kinds = {}
        for r in missing:
            words = next((w for w, c in CONDITIONS.items() if c == r.conditions), "RELION")
            kinds.setdefault(words, set()).add(label(r.setting))
        text += f" Of {len(planned)} that are planned {len(missing)} are missing, among them:\n\n"
        lines = (f"- {words}: {'; '.join(sorted(settings))}" for words, settings in kinds.items())
        text += "\n".join(map(_wrapped, lines))
    return text


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False)


def blocks(rows: Rows) -> dict[str, str]:
    """Return all tables, by the name of the markers they go between."""
    return {
        "summary": summary(rows),
        "summary for help": summary(rows, html),
        "kinds": kinds(rows),
        "conditions": conditions(rows),
        "maps": maps(rows),
        "others": others(rows),
        "cases": cases(rows),
        "few": few(rows),
        "repeated": repeated(rows),
        "anew": anew(rows),
        "relion": relion(rows),
        "all results": everything(rows) + "\n\n" + amount(rows),
    }


def fill(text: str, rows: Rows) -> str:
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
