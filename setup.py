"""Build, without ChimeraX, the wheel that its command `devel build` builds.

    python setup.py bdist_wheel
    pip wheel --no-deps --no-build-isolation .

Everything comes from bundle_info.xml; this file only knows what ChimeraX does with it.
"""

import tempfile
import xml.etree.ElementTree as ElementTree

from setuptools import setup

# ChimeraX puts its own classifiers before and after those of a pure Python bundle.
BEFORE = [
    "Framework :: ChimeraX",
    "Intended Audience :: Science/Research",
    "Programming Language :: Python :: 3",
    "Topic :: Scientific/Engineering :: Visualization",
    "Topic :: Scientific/Engineering :: Chemistry",
    "Topic :: Scientific/Engineering :: Bio-Informatics",
]
AFTER = [
    "Environment :: MacOS X :: Aqua",
    "Environment :: Win32 (MS Windows)",
    "Environment :: X11 Applications",
    "Operating System :: MacOS :: MacOS X",
    "Operating System :: Microsoft :: Windows :: Windows 10",
    "Operating System :: POSIX :: Linux",
]
# What else ChimeraX knows (managers, C modules, ...) would be lost in silence here.
KNOWN = {
    *("Author", "Email", "URL", "License", "Synopsis", "Description"),
    *("AdditionalPackages", "Categories", "Dependencies", "DataFiles"),
    *("Providers", "Classifiers"),
}


def chimerax(*fields):
    return " :: ".join(("ChimeraX", *fields))


def quoted(value):
    return f'"{value}"' if " " in value else value


def chimerax_classifiers(bundle):
    sessions = f"{bundle.get('minSessionVersion')},{bundle.get('maxSessionVersion')}"
    categories = ",".join(category.get("name") for category in bundle.iter("Category"))
    superseded, init = bundle.get("supersedes", ""), bundle.get("customInit", "")
    yield chimerax("Bundle", categories, sessions, bundle.get("package"), superseded, init)
    for providers in bundle.iter("Providers"):
        for provider in providers.iter("Provider"):
            settings = dict(provider.attrib)
            name = settings.pop("name")
            pairs = (f"{key}:{quoted(value)}" for key, value in settings.items())
            yield chimerax("Provider", name, providers.get("manager"), *pairs)
    for classifier in bundle.iter("ChimeraXClassifier"):
        yield chimerax(classifier.text.strip())


def arguments(bundle):
    unknown = {element.tag for element in bundle} - KNOWN
    if unknown:
        raise SystemExit(f"setup.py cannot read from bundle_info.xml: {', '.join(sorted(unknown))}")

    def texts(tag):
        return [element.text.strip() for element in bundle.iter(tag)]

    package = bundle.get("package")
    folders = {p.get("name"): p.get("folder") for p in bundle.iter("Package")}
    return {
        "name": bundle.get("name"),
        "version": bundle.get("version"),
        "description": texts("Synopsis")[0],
        "long_description": texts("Description")[0],
        "author": texts("Author")[0],
        "author_email": texts("Email")[0],
        "url": texts("URL")[0],
        "license": texts("License")[0],
        "python_requires": ">=3.7",  # as ChimeraX writes it for every pure Python bundle
        "install_requires": [
            f"{dependency.get('name')} {dependency.get('version', '')}"
            for dependency in bundle.iter("Dependency")
        ],
        "packages": [package, *folders],
        "package_dir": {package: "src", **folders},
        "package_data": {package: texts("DataFile")},
        "classifiers": [
            *BEFORE,
            *texts("PythonClassifier"),
            *AFTER,
            *chimerax_classifiers(bundle),
        ],
    }


# setuptools never empties build/, so that deleted modules would ship: start from nothing.
with tempfile.TemporaryDirectory() as scratch:
    setup(
        **arguments(ElementTree.parse("bundle_info.xml").getroot()),
        options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
    )
