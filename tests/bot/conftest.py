import sys
import warnings
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "nlu"
sys.path.insert(0, str(ROOT))
warnings.filterwarnings("ignore")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shared: needs the measuring data beside the project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not SHARED.is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(pytest.mark.skip(reason=f"no measuring data in {SHARED}"))


@pytest.fixture(scope="session")
def nlu_items() -> list[dict[str, str]]:
    """Every entry of the training files, with the file it stands in as `file`."""
    return [
        {**item, "file": path.name}
        for path in sorted((ROOT / "nlu_data").rglob("*.yml"))
        for item in yaml.safe_load(path.read_text(encoding="utf8"))["nlu"]
    ]


@pytest.fixture(scope="session")
def examples(nlu_items: list[dict[str, str]]) -> dict[str, list[str]]:
    """The training sentences of each intent."""
    found: dict[str, list[str]] = {}
    for item in nlu_items:
        if "intent" in item:
            found.setdefault(item["intent"], []).extend(listed(item))
    return found


@pytest.fixture(scope="session")
def lookups(nlu_items: list[dict[str, str]]) -> dict[str, list[str]]:
    return {item["lookup"]: listed(item) for item in nlu_items if "lookup" in item}


def listed(item: dict[str, str]) -> list[str]:
    """The lines of an `examples: |` block."""
    lines = item["examples"].splitlines()
    assert all(line.startswith("- ") and line[2:].strip() for line in lines), item
    return [line[2:].strip() for line in lines]
