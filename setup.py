"""What pyproject.toml cannot say: the compiled part, and the scripts of `shrinkage example`.

The compiled part is optional: without a compiler the same work is done by torch. The scripts lie
in `examples/` of a source tree, and inside the package where it is installed from a wheel.
"""

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


setup(
    cmdclass={"build_py": BuildWithExamples},
    ext_modules=[
        Extension(
            "shrinkage.pytorch.prox.kernels._shrink",
            ["src/shrinkage/pytorch/prox/kernels/_shrink.c"],
            # Square roots as instructions; sums stay in their order and are rounded one by one.
            extra_compile_args=[
                "-O3",
                "-fno-math-errno",
                "-fno-trapping-math",
                "-ffp-contract=off",
            ],
            optional=True,
        )
    ],
)
