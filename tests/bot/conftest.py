import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "nlu"
sys.path.insert(0, str(ROOT))
warnings.filterwarnings("ignore")
hypothesis.settings.register_profile(
    "xiaoer", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("xiaoer")


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


@pytest.fixture(scope="session")
def synonyms(nlu_items: list[dict[str, str]]) -> dict[str, str]:
    return {said: item["synonym"] for item in nlu_items if "synonym" in item for said in listed(item)}


@pytest.fixture(scope="session")
def served() -> dict[str, list[dict[str, Any]]]:
    """The names of the demo shop as the app serves them."""
    demo = ROOT / "backoffice" / "demo"
    products = yaml.safe_load((demo / "catalogue.yml").read_text(encoding="utf8"))["products"]
    stores = yaml.safe_load((demo / "places.yml").read_text(encoding="utf8"))["stores"]
    couriers = {"sf": "顺丰速运", "yto": "圆通速递", "jd": "京东快递", "zto": "中通快递"}

    def each(values: Iterable[str]) -> list[dict[str, Any]]:
        return [{"name": value} for value in dict.fromkeys(values)]

    return {
        "products": [
            {"id": id, "name": product["name"], "words": product["keywords"]}
            for id, product in enumerate(products, 1)
        ],
        "brands": each(product["brand"] for product in products),
        "colours": each(colour for product in products for colour in product["colours"]),
        "sizes": each(str(size) for product in products for size in product["sizes"]),
        "stores": [{"id": id, "name": store["name"]} for id, store in enumerate(stores, 1)],
        "couriers": [{"id": code, "name": name} for code, name in couriers.items()],
    }


@pytest.fixture(scope="session")
def extractor(
    lookups: dict[str, list[str]],
    synonyms: dict[str, str],
    examples: dict[str, list[str]],
    served: dict[str, list[dict[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """The extractor as it is trained, with the names of the demo shop."""
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource

    from bot.components.entities import ShopEntityExtractor, ordinary_pairs

    ordinary = ordinary_pairs(said for sentences in examples.values() for said in sentences)
    storage = LocalModelStorage(Path(tmp_path_factory.mktemp("model")))
    found = ShopEntityExtractor(lookups, synonyms, ordinary, storage, Resource("entities"))
    found.know(served)
    return found


@pytest.fixture(scope="session")
def extract(extractor: Any) -> Any:
    return extractor.extract


@pytest.fixture(autouse=True)
def several_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sanic rewrites its own code for the first server of a process, but for tests keeps what it was."""
    from sanic import Sanic

    monkeypatch.setattr(Sanic, "test_mode", True)
