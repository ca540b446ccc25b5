import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.kit.errors import Invalid
from backoffice.training.datasets.archives import importing, pack, unpack
from backoffice.training.datasets.drafts import draft, parsed
from backoffice.training.projects.rasa_yaml import write
from backoffice.training.projects.yaml_text import Unreadable, dump
from tests.backoffice.training.datasets.small import FILES, SMALL
from tests.backoffice.training.projects import samples

PUBLIC = {
    path: text for path, text in samples.FILES.items() if path not in ("README.md", "data/escaped.yaml")
}
"""A project of somebody else's, in every spelling that Rasa takes."""
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text("abcdef", min_size=1, max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return content.getvalue()


def test_what_is_exported_comes_back_as_it_was() -> None:
    packed = pack(SMALL.files)
    assert packed == pack(dict(reversed(SMALL.files.items())))
    upload = unpack("x.zip", packed)
    assert (upload.files, upload.left_out) == (FILES, [])
    assert not draft(SMALL, importing(upload, whole=True)).difference.files


def test_another_project_finds_its_place_and_loses_nothing() -> None:
    upload = unpack("public.zip", pack(PUBLIC))
    places = {
        "data/nlu.yml": "nlu_data/data/nlu.yml",
        "data/stories.yml": "bot/stories/data/stories.yml",
        "data/rules.yml": "bot/rules/data/rules.yml",
        "domain.yml": "bot/domain/domain.yml",
    }
    assert upload.files == {places[path]: PUBLIC[path] for path in places}
    assert sorted(upload.left_out) == ["config.yml", "data/empty.yml"]
    project = importing(upload, whole=True)(SMALL.project)
    assert unpack("again.zip", pack(write(project))).files == upload.files


@given(
    sentences=st.lists(texts.filter(lambda text: text.strip()), max_size=5),
    more=st.dictionaries(names, values, max_size=3),
    name=names,
)
def test_whatever_the_format_holds_comes_back(
    sentences: list[str], more: dict[str, object], name: str
) -> None:
    examples = [{"text": text, "metadata": more} for text in sentences]
    told = {
        "version": "3.1",
        "nlu": [{"intent": name, "examples": examples, **{f"x_{key}": more[key] for key in more}}],
    }
    files = {**FILES, f"nlu_data/{name}.yml": dump(told)}
    upload = unpack("x.zip", pack(files))
    assert upload.files == files
    project = importing(upload, whole=True)(SMALL.project)
    assert write(project) == files
    assert project == parsed(files)


def test_a_single_file_replaces_the_one_of_its_path() -> None:
    text = FILES["nlu_data/order.yml"].replace("多谢", "多谢啦")
    made = draft(SMALL, importing(unpack("nlu_data/order.yml", text.encode()), whole=False))
    assert made.difference.files == ["nlu_data/order.yml"]
    assert [each.marked for each in made.difference.added] == ["多谢啦"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (zipped({}), "no training data"),
        (zipped({"README.md": b"x", ".github/x.yml": b"nlu: []"}), "no training data"),
        (zipped({"../nlu.yml": b"nlu: []"}), "cannot be the path"),
        (zipped({"/nlu.yml": b"nlu: []"}), "cannot be the path"),
        (zipped({"nlu_data/a.yml": b"\xff\xfe"}), "not UTF-8"),
        (zipped({"nlu.yml": b"nlu: []", "nlu_data/nlu.yml": b"nlu: []"}), "two files would stand at"),
        (zipped({"a//nlu.yml": b"nlu: []", "./a/nlu.yml": b"nlu: []"}), "two files would stand at"),
        (zipped({f"{number}.yml": b"" for number in range(2001)}), "more than 2000 files"),
        (zipped({"nlu.yml": b"#" * 20_000_001}), "more than 2000 files or 20000000 bytes"),
        (zipped({"nlu_data/a.yml": b"nlu: []"})[:-60] + b"PK\x05\x06" + bytes(18), "no training data"),
    ],
    ids=range(10),
)
def test_archives_that_cannot_be(content: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        unpack("x.zip", content)


@pytest.mark.parametrize(
    "name", ["../nlu.yml", "nlu_data/../../x.yml", "/etc/x.yml", "a\\b.yml", "a\n.yml", "."]
)
def test_a_file_cannot_stand_elsewhere(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be the path"):
        unpack(name, b"nlu: []")


def test_bad_yaml_is_told_with_its_line() -> None:
    content = zipped({"nlu_data/a.yml": b"nlu:\n- intent: [\n"})
    with pytest.raises(Unreadable, match=r"nlu_data/a\.yml:3"):
        draft(SMALL, importing(unpack("x.zip", content), whole=False))
    with pytest.raises(Unreadable, match=r"data/a\.yml:3"):
        unpack("x.zip", zipped({"data/a.yml": b"nlu:\n- intent: [\n"}))


def test_domain_and_sentences_in_one_file_are_refused() -> None:
    mixed = b"nlu:\n- intent: thanks\n  examples: |\n    - thx\nintents: [thanks]\n"
    with pytest.raises(Invalid, match=r"nlu_data/all\.yml: Rasa does not look there for intents"):
        draft(SMALL, importing(unpack("all.yml", mixed), whole=False))
