"""Builds the Cython kernels of `ext`; everything else is in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

Options.warning_errors = True  # a Cython warning fails the build

# A kernel is a .pyx file, or a plain .py file beside a .pxd that gives its types.
EXT = Path(__file__).parent / "ext"
SOURCES = sorted(
    [*EXT.glob("*.pyx"), *(p.with_suffix(".py") for p in EXT.glob("*.pxd") if p.with_suffix(".py").exists())]
)

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"ext.{source.stem}", [str(source.relative_to(EXT.parent))], extra_compile_args=["-O3", "-g0"]
            )
            for source in SOURCES
        ],
        # Annotations are for the type checker; what is compiled to which C type stands in the .pxd files.
        compiler_directives={"language_level": 3, "annotation_typing": False, "auto_pickle": False},
        quiet=True,
    )
)
