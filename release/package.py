"""Build the sdist, a wheel with the kernel and a pure one, and try each as people install them.

    python release/package.py

The wheel is built from the sdist, so that the sdist is complete. Each is installed, without its
dependencies, into two fresh environments: one that sees NumPy alone, where `import shrinkage` works
and the command names the extra that it lacks; and one that sees what this environment has, where a
small path is trained. Nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
NAMES_THE_EXTRA = re.compile(r'error: .*run pip install "shrinkage\[cli\]"\n')
KERNEL = """
from shrinkage.pytorch.prox import kernels
import shrinkage
print(shrinkage.__file__, kernels._load() is not None)
"""


def run(*words: object, expected: int = 0, **variables: str) -> str:
    """Return what a command prints on both streams; stop where it ends with another status."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    done = subprocess.run(
        list(map(str, words)),
        cwd=variables.get("HERE", ROOT),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != expected:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build() -> tuple[Path, Path, Path]:
    """Return the sdist, the wheel that is built from it, and a pure wheel."""
    for old in DIST.glob("shrinkage-*"):
        old.unlink()
    builder = (sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST)
    run(*builder, ROOT)
    run(*builder, "--wheel", ROOT, SHRINKAGE_PURE="1")
    (sdist,) = DIST.glob("*.tar.gz")
    pure, kernel = sorted(DIST.glob("*.whl"), key=lambda path: "none-any" not in path.name)
    return sdist, kernel, pure


def check_sdist(sdist: Path) -> None:
    """Stop where the sdist lacks a file of the repository."""
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    tracked = run("git", "ls-files").splitlines() if (ROOT / ".git").exists() else []
    lacking = sorted(set(tracked) - held - {".gitignore"})
    if lacking:
        sys.exit(f"{sdist.name} lacks {len(lacking)} files of the repository: {lacking[:10]}")


def check_description(wheel: Path) -> None:
    """Stop where the description does not render, or leads to files that an index has not."""
    run(sys.executable, "-m", "twine", "check", "--strict", *DIST.iterdir())
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = re.sub(r"^```.*?^```$", "", archive.read(name).decode(), flags=re.M | re.S)
    relative = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http", "#"))]
    if relative:
        sys.exit(f"links of the description lead nowhere: {relative}")


def fresh(folder: Path, wheel: Path) -> Path:
    """Return a new environment with a wheel and none of its dependencies."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    offline = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *offline, wheel)
    return python


def site_of(python: Path) -> Path:
    """Return the folder that an environment imports from."""
    return Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


def see_numpy(python: Path) -> None:
    """Let an environment see the NumPy of this one, and nothing else."""
    for name in {Path(str(file)).parts[0] for file in metadata.files("numpy") or ()}:
        if name.startswith("numpy"):
            place = metadata.distribution("numpy").locate_file(name)
            (site_of(python) / name).symlink_to(str(place))


def see_all(python: Path) -> None:
    """Let an environment see all packages of this one, behind its own."""
    folders = [path for path in sys.path if Path(path).name.endswith("-packages")]
    (site_of(python) / "seen.pth").write_text("\n".join(folders) + "\n")


def command(python: Path) -> Path:
    """Return the command `shrinkage` of an environment."""
    return python.with_name("shrinkage.exe" if os.name == "nt" else "shrinkage")


def try_with_numpy(python: Path) -> None:
    """Stop unless the library imports, and the command names the extra that it lacks in a line."""
    see_numpy(python)
    run(python, "-c", "import shrinkage; print(0.1 * shrinkage.L1())")
    said = run(command(python), "-h", expected=2)
    if not NAMES_THE_EXTRA.fullmatch(said):
        sys.exit(f"expected one line that names the extra, got {said!r}")


def try_with_all(python: Path, folder: Path, *, kernel: bool) -> None:
    """Stop unless a small path runs from the installed package, with or without the kernel."""
    see_all(python)
    place, _, built = run(python, "-c", KERNEL, HERE=str(folder)).strip().rpartition(" ")
    if not Path(place).is_relative_to(site_of(python)) or built != str(kernel):
        sys.exit(f"expected {site_of(python)} with kernel {kernel}, got {place} with {built}")
    small = ("--strengths", "0.001,0.01", "--folds", "2", "--epochs", "1", "--model", "mlp:4")
    run(command(python), "path", "wine", *small, "--out", folder / "run", "-q")
    run(command(python), "predict", folder / "run", "wine")
    run(command(python), "example", "--list")
    if not (folder / "run" / "report.html").is_file():
        sys.exit("expected a report of the small path, got none")


def main() -> None:
    """Build, check, try."""
    sdist, kernel, pure = build()
    check_sdist(sdist)
    check_description(pure)
    for wheel in (kernel, pure):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            try_with_numpy(fresh(folder / "numpy", wheel))
            try_with_all(fresh(folder / "all", wheel), folder, kernel=wheel == kernel)
        print(f"{wheel.relative_to(ROOT)}: tried")
    print(f"{sdist.relative_to(ROOT)}: complete")


if __name__ == "__main__":
    main()
