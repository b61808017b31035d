r"""Take spheres to cryoSPARC: upload and import them, and set up Heterogeneous Refinement.

    python heterogeneous_refinement.py P3 W1 --particles J5.particles --volume J8.volume_class_0 \
        betaGal_sphere_r112A_v0p5match.mrc betaGal_sphere_r112A_v2match.mrc

It needs cryosparc-tools of cryoSPARC's own version, and a login (see README.md). The spheres go to
a new folder of the project and have to stay there: cryoSPARC links to them. The job that is set up
keeps its default parameters and is not queued, unless --queue LANE is given.

It has not been run with a real cryoSPARC. The names come from
- https://github.com/cryoem-uoft/cryosparc-tools, docs/examples/connect_series_to_class3D.ipynb:
  import_volumes, volume_blob_path with a wildcard, an output for each file, each connected to the
  input `volume` of the next job; docs/guides/jobs.ipynb: hetero_refine; JobController.queue:
  without a lane, jobs run on the master, as import jobs do in the changelog of v3.3.2 and v4.3.0;
- https://github.com/scipion-em/scipion-em-cryosparc2, cryosparc2/utils.py: volume_out_name;
  protocol_cryosparc_3D_classification.py: the inputs `particles` and `volume` of hetero_refine.
"""

import argparse
import sys
import warnings
from pathlib import Path

from cryosparc.tools import CryoSPARC


def find_output(project, text, kind):
    """Return a job's number and its output, such as J5.particles, if there is one of this kind."""
    job, _, name = text.partition(".")
    names = [name for name, output in project.find_job(job).outputs.items() if output.type == kind]
    if name not in names:
        raise ValueError(f"{text} is no {kind} output; {job} has: {', '.join(names) or 'none'}")
    return job, name


def set_up(args, made):
    """Do it all; `made` lists what is in the project by now."""
    try:
        cs = CryoSPARC()  # with the variables CRYOSPARC_..., or a saved login
    except Exception as error:
        reason = error.__cause__ or str(error).partition(". ")[0]
        raise ValueError(f"No login to cryoSPARC: {reason}") from error
    project = cs.find_project(args.project)
    workspace = project.find_workspace(args.workspace)
    particles = find_output(project, args.particles, "particle")
    volumes = [find_output(project, args.volume, "volume")]

    project.mkdir(args.folder)  # which fails if it exists
    made.append(f"folder {args.folder}")
    for sphere in args.spheres:
        with sphere.open("rb") as file:
            project.upload(f"{args.folder}/{sphere.name}", file)

    pattern = str(project.dir / args.folder / "*.mrc")
    params = {"volume_blob_path": pattern, "volume_out_name": "map"}
    imported = workspace.create_job("import_volumes", params=params)
    made.append(f"{imported.uid} (Import 3D Volumes)")
    imported.queue()
    if imported.wait_for_done() != "completed":
        said = [error.message for error in imported.model.errors_run]
        raise ValueError(f"{imported.uid} {imported.status}: {'; '.join(said) or 'see its log'}")
    volumes += [(imported.uid, n) for n, o in imported.outputs.items() if o.type == "volume"]
    if len(volumes) != len(args.spheres) + 1:
        raise ValueError(f"{imported.uid} gave {len(volumes) - 1} of {len(args.spheres)} volumes")

    # Not connected at once by create_job: if that failed, the job's number would be lost.
    job = workspace.create_job("hetero_refine")
    made.append(f"{job.uid} (Heterogeneous Refinement)")
    job.connect("particles", *particles)
    for volume in volumes:
        job.connect("volume", *volume)
    if args.queue:
        job.queue(args.queue)


def mrc_file(text):
    """Return the path of a sphere that is there."""
    path = Path(text)
    if path.suffix != ".mrc" or not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is no .mrc file")
    return path


def main():
    """Read the command line, and say what was set up, also after an error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("project", help="such as P3")
    parser.add_argument("workspace", help="such as W1")
    parser.add_argument("spheres", nargs="+", type=mrc_file, help="made by makesphere")
    parser.add_argument("--particles", required=True, help="an output such as J5.particles")
    parser.add_argument("--volume", required=True, help="an output such as J8.volume_class_0")
    parser.add_argument("--folder", help="new folder, by default named after the first sphere")
    parser.add_argument("--queue", metavar="LANE", help="queue the refinement to this lane")
    args = parser.parse_args()
    args.folder = args.folder or args.spheres[0].stem
    # The library repeats what got no answer. Jobs could be made twice, and of an upload only the
    # rest would be sent.
    warnings.filterwarnings("error", r"\*\*\* API client (?!GET)")
    made = []
    try:
        set_up(args, made)
    except (Exception, KeyboardInterrupt) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"{reason}; set up in {args.project}: {', '.join(made) or 'nothing'}")
    print(f"Set up in {args.project}: {', '.join(made)}")


if __name__ == "__main__":
    main()
