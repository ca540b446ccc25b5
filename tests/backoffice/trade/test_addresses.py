import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.trade.addresses import AddressLine, cities, district_free, parse_address

WEST_LAKE = ("浙江省", "杭州市", "西湖区", "文三路90号3幢501")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("浙江省杭州市西湖区文三路90号3幢501 林晓 15400000001", ("林晓", "15400000001", *WEST_LAKE)),
        ("林晓 154 0000 0001 浙江杭州西湖区文三路90号3幢501", ("林晓", "15400000001", *WEST_LAKE)),
        ("林晓，15400000001，杭州西湖区文三路90号3幢501", ("林晓", "15400000001", *WEST_LAKE)),
        (
            "收货人：林晓，电话：154-0000-0001，地址：杭州市西湖区文三路90号3幢501",
            ("林晓", "15400000001", *WEST_LAKE),
        ),
        (
            "麻烦帮我改到上海市浦东新区世纪大道100号",
            ("", "", "上海市", "上海市", "浦东新区", "世纪大道100号"),
        ),
        ("上海上海市黄浦区南京东路100号 6楼", ("", "", "上海市", "上海市", "黄浦区", "南京东路100号6楼")),
        ("东莞南城街道鸿福路1号", ("", "", "广东省", "东莞市", "", "南城街道鸿福路1号")),
        ("吉林省吉林市船营区解放大路1号", ("", "", "吉林省", "吉林市", "船营区", "解放大路1号")),
        ("江苏苏州昆山市前进路2号", ("", "", "江苏省", "苏州市", "昆山市", "前进路2号")),
        ("香港特别行政区香港湾仔区告士打道1号", ("", "", "香港特别行政区", "香港", "湾仔区", "告士打道1号")),
        ("电话改成15400000009", ("", "15400000009", "", "", "", "")),
        ("收件人改成李四", ("李四", "", "", "", "", "")),
        ("张三 15400000004", ("张三", "15400000004", "", "", "", "")),
    ],
)
def test_lines_as_people_write_them(text: str, expected: tuple[str, ...]) -> None:
    assert parse_address(text) == AddressLine(*expected)
    assert parse_address(text).missing == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("算了", ["city", "district", "street"]),
        ("文三路90号", ["city", "district"]),
        ("南京路100号", ["city", "district"]),
        ("杭州市", ["district", "street"]),
        ("杭州文三路90号", ["district"]),
        ("门牌号应该是1203不是1302", ["city", "district"]),
    ],
)
def test_what_is_missing(text: str, missing: list[str]) -> None:
    assert parse_address(text).missing == missing


PLACES = st.sampled_from(sorted({place for place in cities().values() if place[1] not in district_free()}))
STREETS = st.builds("{}路{}号".format, st.sampled_from(["文三", "解放", "人民", "世纪"]), st.integers(1, 999))
NAMES = st.sampled_from(["林晓", "王建国", "欧阳娜娜"])
PHONES = st.integers(0, 10**8 - 1).map("154{:08d}".format)


@given(PLACES, STREETS, NAMES, PHONES, st.permutations([0, 1, 2]))
def test_parts_in_any_order_are_found(
    place: tuple[str, str], street: str, name: str, phone: str, order: list[int]
) -> None:
    province, city = place
    parts = [f"{province}{city}中心区{street}", name, phone]
    line = parse_address(" ".join(parts[i] for i in order))
    assert (line.receiver, line.phone) == (name, phone)
    assert line.street == street
    assert (line.city, line.missing) == (city, [])


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    line = parse_address(text)
    assert len(line.street) <= 120
    assert bool(line.city) == bool(line.province)
