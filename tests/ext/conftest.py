"""Each kernel twice: as compiled, and the same source (or its plain twin) as ordinary Python."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

import ext
from ext import _words_plain

FOLDER = Path(ext.__file__).parent


@pytest.fixture(scope="session")
def load_plain() -> Callable[[str], ModuleType]:
    """Loads `ext/<name>.py` uncompiled, on the plain primitives, beside the compiled one."""

    def load(name: str) -> ModuleType:
        loader = SourceFileLoader(f"plain_{name}", str(FOLDER / f"{name}.py"))
        spec = importlib.util.spec_from_loader(loader.name, loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        with mock.patch.dict(sys.modules, {"ext._words": _words_plain, loader.name: module}):
            loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session", params=["compiled", "plain"])
def websocket(request: pytest.FixtureRequest, load_plain: Callable[[str], ModuleType]) -> ModuleType:
    return (
        importlib.import_module("ext.websocket") if request.param == "compiled" else load_plain("websocket")
    )


@pytest.fixture(scope="session", params=["compiled", "plain"])
def envelope(request: pytest.FixtureRequest, load_plain: Callable[[str], ModuleType]) -> ModuleType:
    return importlib.import_module("ext.envelope") if request.param == "compiled" else load_plain("envelope")
