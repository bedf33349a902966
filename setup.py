"""The compiled part, which is optional: without a compiler the same work is done by torch."""

from setuptools import Extension, setup

setup(
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
    ]
)
