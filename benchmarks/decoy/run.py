"""Do makesphere's decoys catch junk? Classifies images whose truth is known.

Each run takes images of one map, decoys, and one of two classifiers: the online-EM engine beside
this script, or RELION's Class3D. It adds one row to a CSV file. A run found there is not run
again, so that the plan goes on where it was stopped; an older one is; see `plan.is_current`::

    python benchmarks/decoy/run.py --device cuda     # all that is missing from results.csv
    python benchmarks/decoy/run.py --relion          # RELION's part, on CPUs
    python benchmarks/decoy/run.py --sample          # a few small runs: does it still work?
    python benchmarks/decoy/report.py                # tables and the picture from results.csv
"""

import argparse
import multiprocessing
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import plan
from plan import append_result, is_current, read_results

RELION_PROGRAM = "relion_refine"


def work_on(
    run: plan.Run, device: str, quick: bool, program: str | None, work: Path, follow: bool
) -> dict:
    """Do one run, in a process of its own kind: PyTorch is loaded here, and not for reports."""
    import torch

    torch.set_num_threads(1)
    # TF32 in matrix products, bfloat16 on CPUs that have it: the error is the images' noise.
    torch.set_float32_matmul_precision("medium")
    import job
    import online_em

    small = online_em.Options(most_iterations=3, random_iterations=1, full_passes=1, angle=30.0)
    with torch.no_grad():
        return job.do(run, device, small if quick else None, program, work, follow)


def run_all(runs, results: Path, options) -> int:
    """Run what is missing, several at a time, and return the number of runs that failed."""
    done = {row["run"] for row in read_results(results) if is_current(row)}
    waiting = [run for run in runs if run.name not in done][: options.limit]
    print(f"{len(runs)} runs planned, {len(waiting)} to be done now", flush=True)
    failed, started = 0, time.monotonic()
    program = RELION_PROGRAM if options.relion else None
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        rest = (options.device, options.sample, program, options.work.resolve(), options.follow)
        futures = {pool.submit(work_on, run, *rest): run for run in waiting}
        for future in as_completed(futures):
            if future.cancelled():
                continue
            try:
                row = future.result()
            except Exception as error:
                failed += 1
                print(f"{futures[future].name}: {error!r}", file=sys.stderr, flush=True)
            else:
                append_result(results, row)
                print(f"{time.monotonic() - started:5.0f} s  {summary(row)}", flush=True)
            if time.monotonic() - started > 60 * options.minutes:
                pool.shutdown(wait=False, cancel_futures=True)
    return failed


def summary(row: dict) -> str:
    """Return one line about a finished run."""
    junk = sum(row[k] for k in plan.JUNK)
    caught = sum(row[f"{k}_caught"] for k in plan.JUNK)
    kinds = " ".join(f"{k} {100 * row[f'{k}_caught'] // max(row[k], 1)}" for k in plan.JUNK)
    lost = 100 * row["particle_lost"] / row["particle"]
    return (
        f"{row['run']}: caught {100 * caught / junk:.1f} % ({kinds}), lost {lost:.2f} %, "
        f"{row['iterations']} iterations, {row.get('resolution_A')} Å, {row['seconds']} s"
    )


def main() -> int:
    """Run the plan or the sample from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sample", action="store_true", help="a few small runs, results kept in the work folder")
    add("--relion", action="store_true", help="the runs by RELION instead of the engine's")
    add("--list", action="store_true", help="print the plan and what is done of it")
    add("--device", default="cpu", help="of PyTorch: cpu (default) or cuda")
    add("--jobs", type=int, default=1, metavar="N", help="runs at a time; default: 1")
    add("--only", metavar="PATTERN", default="", help="runs whose names match")
    add("--limit", type=int, metavar="N", help="so many runs at most")
    add("--minutes", type=float, default=1e9, help="begin no run after so long")
    add("--follow", action="store_true", help="print what each class has after each iteration")
    add("--work", type=Path, default=Path("build/decoy"), help="folder; default: build/decoy")
    add("--results", type=Path, default=plan.RESULTS, help="default: beside this script")
    options = parser.parse_args()
    runs = plan.RELION_PLAN if options.relion else plan.PLAN
    runs = [run for run in runs if re.search(options.only, run.name)]
    if options.list:
        found = {row["run"]: is_current(row) for row in read_results(options.results)}
        for run in runs:
            print({True: "done   ", False: "older  "}.get(found.get(run.name), "missing"), run.name)
        return 0
    results = options.results
    if options.sample:
        options.work, runs = options.work / "sample", plan.SAMPLE
        shutil.rmtree(options.work, ignore_errors=True)
        results = options.work / "results.csv"
    options.work.mkdir(parents=True, exist_ok=True)
    results.parent.mkdir(parents=True, exist_ok=True)
    failed = run_all(runs, results, options)
    print(f"results in {results}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
