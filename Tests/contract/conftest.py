"""Servers that several tests share. Tests that stop, break or swap something start their own."""

import signal

import pytest
from identity_models import Repository, identity
from serving import EXAMPLES, VERDICT, Server

MODELS = 6


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the tests that take many minutes too")


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: takes many minutes; left out without --soak")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--soak"):
        soaks = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soaks)
        items[:] = [item for item in items if item not in soaks]


def pytest_sessionstart(session):
    # Programs that are started inherit an ignored signal, and shells ignore this one in background jobs. Caught ones are reset.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not VERDICT.exists():
        raise pytest.UsageError(f"{VERDICT} is not built: run swift build -c release --product verdict")


@pytest.fixture(scope="session")
def examples():
    """The example repository, served."""
    with Server(EXAMPLES / "models") as server:
        yield server


@pytest.fixture(scope="session")
def several(tmp_path_factory):
    """Models `m0` to `m5`; the score of model i to question q is 65536 * i + q."""
    repository = Repository(tmp_path_factory.mktemp("several") / "models")
    for number in range(MODELS):
        repository.add(f"m{number}", 1, identity(65536 * number))
    with Server(repository.folder) as server:
        yield server


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "models")
