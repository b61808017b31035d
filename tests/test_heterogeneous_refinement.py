"""The example for cryosparc-tools: the real library, and a server that answers with its models.

The server offers what the library's own stub, api.pyi, declares. How cryoSPARC words its errors is
not known here, nor is its status for each.
"""

import ast
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import warnings
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from threading import Thread
from types import SimpleNamespace
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest
from conftest import ROOT

cryosparc = pytest.importorskip("cryosparc.tools")
import httpx  # noqa: E402
from cryosparc.models.auth import Token  # noqa: E402
from cryosparc.models.job import Job, RunError  # noqa: E402
from cryosparc.models.job_spec import Connection, Input, JobSpec, Output  # noqa: E402
from cryosparc.models.project import Project  # noqa: E402
from cryosparc.models.resource import ResourceSpec  # noqa: E402
from cryosparc.models.user import User  # noqa: E402
from cryosparc.models.workspace import Workspace  # noqa: E402

EXAMPLE = ROOT / "examples/heterogeneous_refinement.py"
NOW = datetime.now(UTC)
LOGIN = ("base_url", "email", "password")
PASSWORD = "open sesame"
FOLDER = "/data/CS-betagal"
PARAMS = {
    "import_volumes": {"volume_blob_path", "volume_out_name", "volume_psize"},
    "hetero_refine": {"multirefine_N", "multirefine_symmetry"},
}
INPUTS = {"import_volumes": {}, "hetero_refine": {"particles": "particle", "volume": "volume"}}
SPHERES = ["betaGal_sphere_r112A_v0p5match.mrc", "betaGal_sphere_r112A_v2match.mrc"]


class Refused(Exception):
    """What the server does not do."""


def of_type(annotation):
    """Return the schema of what a function of the stub returns."""
    if annotation == "str":
        return {"type": "string"}
    if annotation.startswith("Union["):
        return {"anyOf": [of_type(name) for name in annotation[6:-1].split(", ")]}
    return {"$ref": f"#/components/schemas/{annotation}"} if annotation.isidentifier() else {}


def endpoints():
    """List the functions of the stub, each with its arguments, as OpenAPI: path to schema."""
    tree = ast.parse(Path(cryosparc.__file__).with_name("api.pyi").read_text("utf-8"))
    classes = {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
    spaces = [node for node in classes["APIClient"] if isinstance(node, ast.AnnAssign)]
    prefixes = {node.annotation.id: f"{node.target.id}." for node in spaces}
    for space, prefix in [("APIClient", ""), *prefixes.items()]:
        for function in classes[space]:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                yield from endpoint(prefix + function.name, function)


def endpoint(name, function):
    arguments = function.args
    path = [arg.arg for arg in arguments.posonlyargs if arg.arg != "self"]
    body = [arg for arg in arguments.args if arg.arg != "self"]
    required = [default is None for default in arguments.kw_defaults]
    schema = {
        "summary": name,
        "parameters": [
            *({"name": arg, "in": "path", "required": True} for arg in path),
            *(
                {"name": arg.arg, "in": "query", "required": needed}
                for arg, needed in zip(arguments.kwonlyargs, required, strict=True)
            ),
        ],
        "responses": {"200": {}},
    }
    returns = ast.unparse(function.returns)
    if returns != "None":
        schema["responses"]["200"] = {"content": {"application/json": {"schema": of_type(returns)}}}
    if name == "login":
        schema["parameters"] = []
        schema["requestBody"] = {"content": {"application/x-www-form-urlencoded": {}}}
    elif body:
        kind = "octet-stream" if ast.unparse(body[0].annotation) == "Stream" else "json"
        content = {f"application/{kind}": {"schema": {"title": body[0].arg}}}
        schema["requestBody"] = {"content": content}
    reads = name.rpartition(".")[2].startswith(("find", "get", "ls", "me"))
    method = "get" if reads else "post"
    yield "/" + "/".join([name, *(f"{{{arg}}}" for arg in path)]), {method: schema}


OPENAPI = {"info": {}, "components": {}, "paths": dict(endpoints())}


class Instance:
    """A cryoSPARC with one project, which has particles and a volume."""

    def __init__(self):
        self.calls, self.files, self.folders = [], {}, {f"{FOLDER}/old"}
        self.jobs, self.lanes = {}, {}
        self.refuses, self.drops, self.import_fails, self.import_loses = None, None, "", 0
        self.add("J5", "homo_abinit", {"particles": "particle", "volume_class_0": "volume"})
        self.add("J8", "homo_abinit", {"particles": "particle", "volume_class_0": "volume"})

    def add(self, uid, kind, outputs, **params):
        inputs = INPUTS.get(kind, {}).items()
        self.jobs[uid] = Job(
            uid=uid,
            uid_num=int(uid[1:]),
            project_uid="P3",
            project_uid_num=3,
            job_dir=uid,
            job_dir_size_last_updated=NOW,
            status_num=0,
            build_errors=[],
            spec=JobSpec(
                type=kind,
                params=params,
                inputs={name: Input(type=type_, title=name) for name, type_ in inputs},
                outputs={name: Output(type=type_, title=name) for name, type_ in outputs.items()},
                ui_tile_width=1,
                ui_tile_height=1,
                resource_spec=ResourceSpec(),
            ),
        )
        return self.jobs[uid]

    def changes(self):
        """List the calls that change the project."""
        reads = ("find", "get", "me", "login", "ls")
        return [name for name in self.calls if not name.rpartition(".")[2].startswith(reads)]

    def answer(self, name, path, query, body):
        self.calls.append(name)
        if name == self.refuses:
            raise Refused(f"{name} is not allowed today")
        return getattr(self, name.replace(".", "_"))(*path, **query, **body)

    def login(self, username, password, **_):
        if (username, password) != ("me@example.com", sha256(PASSWORD.encode()).hexdigest()):
            raise Refused("Incorrect username or password")
        return Token(access_token="token", token_type="bearer")

    def users_me(self):
        return User(name="me", first_name="M", last_name="E")

    def config_get_version(self):
        return f"v{cryosparc.__version__}"

    def projects_find_one(self, project):
        if project != "P3":
            raise Refused(f"No project {project}")
        return Project(
            uid="P3",
            uid_num=3,
            project_dir="$DATA/CS-betagal",
            owner_user_id="0",
            title="",
            size_last_updated=NOW,
        )

    def projects_get_directory(self, project):
        return FOLDER

    def workspaces_find_one(self, project, workspace):
        return Workspace(
            uid="W1", project_uid="P3", workspace_type="base", uid_num=1, project_uid_num=3
        )

    def jobs_find_one(self, project, job):
        if job not in self.jobs:
            raise Refused(f"No job {job}")
        found = self.jobs[job]
        if found.status == "queued" and found.spec.type == "import_volumes":
            self.run_import(found)
        return found

    def run_import(self, job):
        pattern = job.spec.params.volume_blob_path
        paths = sorted(path for path in self.files if fnmatch(path, pattern))
        if self.import_fails or not paths:
            job.status = "failed"
            job.errors_run = [RunError(message=self.import_fails or "no such file")]
            return
        job.status = "completed"
        job.spec.outputs.root = {
            f"imported_volume_{count}": Output(type="volume", title=path)
            for count, path in enumerate(paths[self.import_loses :], start=1)
        }
        # All of them in one, as jobs have it that give several volumes.
        job.spec.outputs.root["imported_volumes"] = Output(type="volume_multi", title="")

    def projects_mkdir(self, project, path, parents="false", exist_ok="false"):
        full = str(PurePosixPath(FOLDER) / path)
        if full in self.folders and exist_ok != "true":
            raise Refused(f"{full} exists")
        self.folders.add(full)
        return full

    def projects_upload_file(self, project, stream, path, overwrite="false"):
        full = str(PurePosixPath(FOLDER) / path)
        assert str(PurePosixPath(full).parent) in self.folders
        if full in self.files and overwrite != "true":
            raise Refused(f"{full} exists")
        self.files[full] = stream
        return full

    def jobs_create(self, project, workspace, type, params, **_):
        if type not in PARAMS or not params.keys() <= PARAMS[type]:
            raise Refused(f"No such job: {type} {params}")
        return self.add(f"J{len(self.jobs) + 7}", type, {}, **params)

    def jobs_connect(self, project, job, name, source_job_uid, source_output_name):
        inputs, source = self.jobs[job].spec.inputs.root, self.jobs[source_job_uid]
        output = source.spec.outputs.root.get(source_output_name)
        if name not in inputs or not output or output.type != inputs[name].type:
            raise Refused(f"{source_job_uid}.{source_output_name} does not fit {job}.{name}")
        connection = Connection(job_uid=source_job_uid, output=source_output_name)
        inputs[name].connections.append(connection)
        return self.jobs[job]

    def jobs_enqueue(self, project, job, lane=None, **_):
        if lane not in (None, "gpu"):
            raise Refused(f"No lane {lane}")
        self.lanes[job] = lane
        self.jobs[job].status = "queued"
        return self.jobs[job]


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of an instance."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which holds each answer back for 40 ms

    def do_GET(self):
        url = urlsplit(self.path)
        name, *path = map(unquote, url.path.removeprefix("/api/cmd/").split("/"))
        instance = self.server.instance
        content = self.content()
        if name == instance.drops:
            instance.calls.append(name)
            self.close_connection = True
            return
        if name == "openapi.json":
            self.reply(200, json.dumps(OPENAPI))
        elif name != "login" and self.headers["Authorization"] != "Bearer token":
            self.reply(401, json.dumps({"detail": "Not authenticated"}))
        else:
            try:
                found = instance.answer(name, path, dict(parse_qsl(url.query)), self.body(content))
                text = found.model_dump_json(by_alias=True) if hasattr(found, "model_dump") else ""
                self.reply(200, text or json.dumps(found))
            except Refused as error:
                self.reply(401 if name == "login" else 422, json.dumps({"detail": str(error)}))

    do_POST = do_GET

    def content(self):
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def body(self, content):
        kind = self.headers["Content-Type"]
        if kind == "application/x-www-form-urlencoded":
            return {key: value for key, (value,) in parse_qs(content.decode()).items()}
        if kind == "application/octet-stream":
            return {"stream": content}
        return {"params": json.loads(content)} if content else {}

    def reply(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def instance():
    """Return an instance that listens at its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.instance = instance = Instance()
        instance.address = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield instance
        server.shutdown()
        thread.join()


@pytest.fixture
def spheres(tmp_path, monkeypatch):
    """Make the current folder one with spheres."""
    monkeypatch.chdir(tmp_path)
    for count, name in enumerate(SPHERES):
        Path(name).write_bytes(b"sphere %d" % count)


@pytest.fixture
def environment(instance, tmp_path):
    """Return a function that gives the variables of a login, with changes."""

    def environment(**changes):
        variables = {k: v for k, v in os.environ.items() if not k.startswith("CRYOSPARC_")}
        login = {
            "CRYOSPARC_BASE_URL": instance.address,
            "CRYOSPARC_EMAIL": "me@example.com",
            "CRYOSPARC_PASSWORD": PASSWORD,
            # Where logins are saved, and the address of no proxy.
            "XDG_CONFIG_HOME": str(tmp_path),
            "NO_PROXY": "*",
            "PYTHONUTF8": "1",
        }
        kept = {key: value for key, value in (login | changes).items() if value is not None}
        return variables | kept

    return environment


@pytest.fixture
def python(environment):
    """Return a function that runs Python's words in a process."""

    def python(*words, **changes):
        return subprocess.run(
            [sys.executable, *map(str, words)],
            env=environment(**changes),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )

    return python


@pytest.fixture
def run(environment, spheres, monkeypatch):
    """Return a function that runs the example, with changes to the words and the environment.

    In this process, as the library takes long to start.
    """

    def run(*more, particles="J5.particles", volume="J8.volume_class_0", files=SPHERES, **changes):
        words = ["P3", "W1", "--particles", particles, "--volume", volume, *more, *files]
        out, err = io.StringIO(), io.StringIO()
        status = 0
        with (
            ExitStack() as closed,
            monkeypatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
            warnings.catch_warnings(record=True) as warned,
        ):
            # As Python has it without options.
            warnings.simplefilter("default")
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", ResourceWarning)
            login = environment(**changes)
            patch.setattr(os, "environ", login)
            patch.setattr(sys, "argv", [str(EXAMPLE), *words])
            # It took the variables when it was loaded.
            known = {word: login.get(f"CRYOSPARC_{word.upper()}") for word in LOGIN}
            patch.setattr(cryosparc, "CryoSPARC", partial(cryosparc.CryoSPARC, **known))
            # What a process would close at its end.
            client = closed.enter_context
            patch.setattr(httpx, "Client", lambda kind=httpx.Client, **how: client(kind(**how)))
            try:
                runpy.run_path(str(EXAMPLE), run_name="__main__")
            except SystemExit as end:
                status = end.code
                if isinstance(status, str):
                    print(status, file=sys.stderr)
                    status = 1
        said = err.getvalue() + "".join(f"{warning.message}\n" for warning in warned)
        return SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=said)

    return run


def connections(job):
    return {
        name: [(connection.job_uid, connection.output) for connection in of.connections]
        for name, of in job.spec.inputs.root.items()
    }


def sentence(done):
    """Return what a run ended with: one line, after which nothing was said."""
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert PASSWORD not in line
    return line


def test_the_spheres_become_inputs_of_a_job(python, spheres, instance):
    """With the line that the page and the script show."""
    page = EXAMPLE.with_name("README.md").read_text("utf-8")
    (line,) = re.findall(r"^    python (heterogeneous_refinement.py .*?)\n\n", page, re.M | re.S)
    assert line in EXAMPLE.read_text("utf-8")
    name, *words = shlex.split(line.replace("\\\n", " "))
    done = python(EXAMPLE.with_name(name), *words)
    assert (done.returncode, done.stderr) == (0, "")
    folder = f"{FOLDER}/betaGal_sphere_r112A_v0p5match"
    assert instance.files == {f"{folder}/{name}": Path(name).read_bytes() for name in SPHERES}
    imported, job = instance.jobs["J9"], instance.jobs["J10"]
    assert imported.spec.type == "import_volumes"
    # No pixel size: it is read from the header.
    assert imported.spec.params.model_dump() == {
        "volume_blob_path": f"{folder}/*.mrc",
        "volume_out_name": "map",
    }
    assert job.spec.type == "hetero_refine"
    assert job.spec.params.model_dump() == {}
    assert connections(job) == {
        "particles": [("J5", "particles")],
        # The volume is the first class.
        "volume": [
            ("J8", "volume_class_0"),
            ("J9", "imported_volume_1"),
            ("J9", "imported_volume_2"),
        ],
    }
    # The import runs where imports do, and the job waits for a person.
    assert instance.lanes == {"J9": None}
    assert job.status == "building"
    assert done.stdout == (
        "Set up in P3: folder betaGal_sphere_r112A_v0p5match, J9 (Import 3D Volumes), "
        "J10 (Heterogeneous Refinement)\n"
    )


def test_one_sphere_and_a_folder_and_a_lane(run, instance):
    done = run("--folder", "decoys", "--queue", "gpu", files=SPHERES[1:])
    assert (done.returncode, done.stderr) == (0, "")
    assert list(instance.files) == [f"{FOLDER}/decoys/{SPHERES[1]}"]
    assert connections(instance.jobs["J10"])["volume"] == [
        ("J8", "volume_class_0"),
        ("J9", "imported_volume_1"),
    ]
    assert instance.lanes == {"J9": None, "J10": "gpu"}


@pytest.mark.skipif(os.name == "nt", reason="Windows saves logins in one place only")
def test_a_saved_login(run, python, instance):
    words = ("--url", instance.address, "--email", "me@example.com", "--password", PASSWORD)
    nobody = {"CRYOSPARC_EMAIL": None, "CRYOSPARC_PASSWORD": None}
    assert python("-m", "cryosparc.tools", "login", *words, **nobody).returncode == 0
    done = run(**nobody)
    assert (done.returncode, done.stderr) == (0, "")
    assert "J10" in instance.jobs


@pytest.mark.parametrize(
    "changes, reason",
    [
        (
            {"CRYOSPARC_PASSWORD": "wrong"},
            r'\*\*\* \[API\] .*\{ "detail": "Incorrect username or password" \}',
        ),
        (
            {"CRYOSPARC_EMAIL": None},
            r"CryoSPARC authentication not provided or expired for http://127.0.0.1:\d+",
        ),
        ({"CRYOSPARC_BASE_URL": None}, r"Must specify either base_url or host \+ base_port"),
    ],
)
def test_no_login(changes, reason, run, instance):
    pattern = f"No login to cryoSPARC: {reason}; set up in P3: nothing"
    assert re.fullmatch(pattern, sentence(run(**changes)))
    assert instance.changes() == []


@pytest.mark.parametrize(
    "words, reason",
    [
        ({"particles": "J5.extracted"}, "J5.extracted is no particle output; J5 has: particles;"),
        ({"particles": "J5.volume_class_0"}, "J5.volume_class_0 is no particle output; J5 has: "),
        ({"volume": "J8.particles"}, "J8.particles is no volume output; J8 has: volume_class_0;"),
        ({"particles": "J7.particles"}, "No job J7"),
    ],
)
def test_wrong_outputs(words, reason, run, instance):
    line = sentence(run(**words))
    assert reason in line
    assert line.endswith("; set up in P3: nothing")
    assert instance.changes() == []


def test_a_folder_that_exists(run, instance):
    line = sentence(run("--folder", "old"))
    assert f"{FOLDER}/old exists" in line
    assert line.endswith("; set up in P3: nothing")
    assert instance.files == {}
    assert instance.changes() == ["projects.mkdir"]


def test_a_file_that_exists(run, instance):
    """Two spheres of one name."""
    Path("other").mkdir()
    shutil.copy(SPHERES[1], Path("other", SPHERES[0]))
    line = sentence(run("--folder", "decoys", files=[SPHERES[0], f"other/{SPHERES[0]}"]))
    assert f"{FOLDER}/decoys/{SPHERES[0]} exists" in line
    assert line.endswith("; set up in P3: folder decoys")
    assert list(instance.files.values()) == [Path(SPHERES[0]).read_bytes()]
    assert "jobs.create" not in instance.calls


def test_a_failed_import(run, instance):
    instance.import_fails = "Not an MRC file,\nit seems"
    line = sentence(run("--folder", "decoys"))
    assert line == (
        "J9 failed: Not an MRC file, it seems; set up in P3: folder decoys, J9 (Import 3D Volumes)"
    )
    assert "J10" not in instance.jobs


def test_an_import_of_less(run, instance):
    instance.import_loses = 1
    line = sentence(run("--folder", "decoys"))
    assert line == ("J9 gave 1 of 2 volumes; set up in P3: folder decoys, J9 (Import 3D Volumes)")
    assert "J10" not in instance.jobs


@pytest.mark.parametrize(
    "refused, made",
    [
        ("projects.find_one", "nothing"),
        ("jobs.connect", "folder decoys, J9 (Import 3D Volumes), J10 (Heterogeneous Refinement)"),
    ],
)
def test_what_is_half_set_up_is_named(refused, made, run, instance):
    instance.refuses = refused
    line = sentence(run("--folder", "decoys"))
    assert f"{refused} is not allowed today" in line
    assert line.endswith(f"; set up in P3: {made}")


def test_an_unknown_lane(run, instance):
    line = sentence(run("--folder", "decoys", "--queue", "cpu"))
    assert "No lane cpu" in line
    assert line.endswith(", J10 (Heterogeneous Refinement)")
    assert len(connections(instance.jobs["J10"])["volume"]) == 3


@pytest.mark.parametrize("name", ["projects.upload_file", "jobs.create"])
def test_what_got_no_answer_is_not_sent_again(name, run, instance):
    """The library would send an upload's rest, of which nothing is left, or make a second job."""
    instance.drops = name
    line = sentence(run("--folder", "decoys"))
    assert name in line
    assert line.endswith("; set up in P3: folder decoys")
    assert instance.calls.count(name) == 1


@pytest.mark.parametrize("name", ["missing.mrc", "notes.txt"])
def test_what_is_no_sphere(name, run, instance):
    Path("notes.txt").write_text("no sphere")
    done = run(files=[SPHERES[0], name])
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"{name} is no .mrc file")
    assert instance.calls == []
