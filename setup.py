"""What pyproject.toml cannot say: the compiled part, the scripts of `shrinkage example`, the links.

The compiled part is optional: without a compiler, or built with SHRINKAGE_PURE=1, the same work is
done by torch. The scripts lie in `examples/` of a source tree, and inside the package where it is
installed from a wheel. Links of the README lead to files of the repository, which an index has
not.
"""

import os
import re
import tomllib
import zlib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py


class BuildWithExamples(build_py):
    """Put the scripts beside the modules; an editable installation reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "shrinkage", "examples")
            self.mkpath(str(target))
            for script in sorted(Path("examples").glob("*.py")):
                self.copy_file(str(script), str(target / script.name))


def description() -> str:
    """Return the README for an index: links absolute where `Repository` is known, else as words."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project.get("urls", {}).get("Repository", "").rstrip("/")

    def linked(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        if target.startswith(("http://", "https://", "#")):
            return match[0]
        view = "raw" if picture else "blob"
        return f"{picture}[{words}]({repository}/{view}/main/{target})" if repository else words

    parts = re.split(
        r"(^```.*?^```$)", Path("README.md").read_text(encoding="utf-8"), flags=re.M | re.S
    )
    link = re.compile(r"(!?)\[([^\]\[]*)\]\(([^)\s]+)\)")
    return "".join(part if part.startswith("```") else link.sub(linked, part) for part in parts)


def checksum(folder: str) -> int:
    """Return the checksum of what is built there, by which `shrinkage.compiled` knows a build."""
    sources = list(Path(ROOT, folder).glob("*.[ch]"))
    sources += Path(ROOT, PASSES).glob("*.h") if folder in INCLUDING else ()
    value = 0
    for path in sorted(sources, key=lambda path: path.name):
        value = zlib.crc32(path.read_bytes(), value)
    return value


ROOT = "src/shrinkage"
PASSES = "pytorch/prox/kernels"
"""Adam and prox of a weight."""

KERNELS = {
    PASSES: ("_shrink", "_adam", "_groups"),
    "paths/engines/linear/kernels": ("_descent", "_pattern", "_newton", "_rows"),
    "paths/engines/kernels": ("_cross_entropy", "_steps", "_mlp", "_floats"),
}
"""Folders, and the files of each that are built into one module, called as the first of them."""

INCLUDING = ("paths/engines/kernels",)
"""Folders that include the headers of the passes."""

setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    cmdclass={"build_py": BuildWithExamples},
    ext_modules=[]
    if os.environ.get("SHRINKAGE_PURE") == "1"
    else [
        Extension(
            f"shrinkage.{folder.replace('/', '.')}.{names[0]}",
            [f"{ROOT}/{folder}/{name}.c" for name in names],
            depends=[str(path) for own in KERNELS for path in Path(ROOT, own).glob("*.h")],
            include_dirs=[f"{ROOT}/{PASSES}"],
            define_macros=[("SHRINKAGE_SOURCES", f"{checksum(folder)}u")],
            # Square roots as instructions; sums stay in their order and are rounded one by one.
            extra_compile_args=[
                "-O3",
                "-fno-math-errno",
                "-fno-trapping-math",
                "-ffp-contract=off",
            ],
            optional=True,
        )
        for folder, names in KERNELS.items()
    ],
)
