"""What something costs, and how many pieces: 99块, 三百多, 1k以内, ¥12.5; 两件, 俩."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.components.found import Found
from bot.components.numerals import ARABIC, CHINESE, NUMERAL, number

_SHARE = 0.2
"""How far 左右 reaches to both sides."""
_LARGE = r"(?:万[一二三四五六七八九]?|万\d(?!\d)|[kw千])"
_NUMBER = rf"(?:{ARABIC}{_LARGE}?|{CHINESE})"
_ONE = "[一二两三四五六七八九]"
_VAGUE = (
    rf"(?:[几百千]来?[十百千万]|[百千]来|[十百千万]几|[千万]把|{_NUMBER}(?:来|几|多)|{_ONE}{{2}}[十百千万])"
)
_YUAN = r"(?:块钱?|元钱?|圆|rmb)"
_UPPER = r"以内|之内|以下|以里|封顶"
_LOWER = r"以上|起步|往上"
_ABOUT = r"左右|上下"
_REACH = rf"(?P<reach>{_UPPER}|{_LOWER}|{_ABOUT})"
_MOST = r"(?P<most>不超过|最多|低于|不到)"

# 块 is also a measure word: two pieces of soap, a watch.
_PIECE = (
    r"(?:[一二两三四五1-5]块[^\W\d_]{0,2}"
    r"(?:表|巾|布|皂|毯|糕|板|砖|屏|电池|巧克力|肉|饼|玻璃|海绵|地|面料|砧|抹))"
)
_OTHER_UNIT = (
    r"[\d.:/%℃°a-z-]|斤|公斤|千克|克|毫|升|米|厘|公分|寸|码|号|日|月|年|天|周|点|时|分(?!钱|期)|秒|小时|个|件|双|条|只|台|盒|箱|瓶|袋|包"
    r"|套|本|支|把|罐|桶|张|提|束|卷|顶|枚|人|强|积分|平|里|度|瓦|伏|匹|次|遍|倍|折|楼|层|单元|室|户|岁|路|公里|家|位|名|段|片|级|代|期|万|千|百|寸|种|款|颗|粒|斤|克拉|环|成"
)
_BEFORE = (
    r"(?:满|减|便宜|优惠|立减|降了?|降价|补|补偿|补了|退|退我|退了|退款|赔|赔了|赔我|差|差了|差价|原价|到手价?|券后|活动价|售价|价格|卖|标价|现价"
    r"|现在|预算|付了?|扣了?|扣我|花了?|多收|少退|返|返现|只退|才退|收我?|收了|涨了?|涨到|降到|变成?|应该是|金额是?|要|才|今天就|我付了|买成|省|便宜了|送|加)"
    r"(?:我|了|到|是|为|[:：])?\s?"
)
_AFTER = (
    r"(?:的?包邮|[买拍入抢]的|的?预算|能卖|卖不卖|行不行|成不成|出头|的那[款个台件双种]"
    r"|的(?:优惠)?券|的(?:发)?票)"
)


def _any_of(*patterns: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern) for pattern in patterns]


_RANGES = _any_of(
    rf"(?<![\d.第])(?P<low>{_NUMBER})(?:{_YUAN})?(?:到|至|[-~])(?P<high>{_NUMBER}){_YUAN}",
    rf"(?:预算|价位|价格)[^\d]{{0,3}}?(?P<low>{_NUMBER})(?:到|至|[-~])(?P<high>{_NUMBER})(?!\d)",
    rf"(?<![\d.第一二三四五六七八九十百千])(?P<low>[一二两三四五六七八九]+[百千][一-九]?)(?:到|至|[-~])(?P<high>[一二两三四五六七八九]+[百千])(?!{_OTHER_UNIT})",
)
_AMOUNTS = _any_of(
    rf"(?:(?P<most>不超过|最多|低于|不到))?[¥$]\s?(?P<n>{ARABIC})(?:元|块)?{_REACH}?",
    rf"(?!{_PIECE}){_MOST}?(?<![\d.第零一二三四五六七八九十百])(?P<vague>{_VAGUE}){_YUAN}{_REACH}?",
    rf"(?!{_PIECE}){_MOST}?(?<![\d.第零一二三四五六七八九十百])(?P<n>{_NUMBER}){_YUAN}(?P<jiao>[\d一二三四五六七八九](?![\d个件月天年百十千折]))?[毛角]?{_REACH}?",
    rf"(?<![\d.第])(?P<dime>{NUMERAL})[毛角](?:钱|$|(?=的|了|都|也|吗))",
    rf"{_MOST}?(?<![\d.第])(?P<n>\d+(?:\.\d)?[kw])(?:{_REACH}|(?=预算|的?价|元|块|出头|能|够|$))",
    rf"{_MOST}?(?<![\d.第零一二三四五六七八九十百千万几])(?P<vague>(?:[几一二两三四五六七八九]{{1,2}}[百千万](?:来|多|把)|[几两][百千](?=预算|的)|[一二两三四五六七八九]{{2}}[百千]))(?![十百千万强遍]|{_OTHER_UNIT}){_REACH}?",
    rf"{_MOST}?(?<![\d.第零一二三四五六七八九十百千万几])(?P<n>[一二两三四五六七八九][百千万][零一二三四五六七八九十百千]*)(?![十百千万几多来把强遍块元姓]|{_OTHER_UNIT}){_REACH}?",
    rf"{_MOST}?(?<![\d.第])(?P<n>\d+(?:\.\d+)?万\d?)(?![\d人次多]|{_OTHER_UNIT}){_REACH}?",
    r"(?<![\d.第])(?P<vague>\d{2,5}多)(?=的(?!人))",
    rf"{_MOST}(?P<n>{_NUMBER})(?!{_OTHER_UNIT})",
    rf"{_BEFORE}(?P<span>(?P<n>{ARABIC}|[一二两三四五六七八九]?十[一二三四五六七八九]?)(?!{_OTHER_UNIT}|{_YUAN}){_REACH}?)",
    rf"(?<![\d.第:/-])(?P<n>\d{{2,6}}(?:\.\d{{1,2}})?){_REACH}",
    rf"(?<![\d.第:/-])(?P<n>\d{{2,6}}(?:\.\d{{1,2}})?)(?={_AFTER})",
)


def amounts(text: str) -> Iterator[Found]:
    """Sums of money in folded `text`, as `amount`: {"from", "to"} in fen, None where there is no bound."""
    for pattern in _RANGES:
        for match in pattern.finditer(text):
            low, high = _fen(match["low"]), _fen(match["high"])
            if 0 < low < high:
                yield Found("amount", {"from": low, "to": high}, match.start("low"), match.end())
    for pattern in _AMOUNTS:
        for match in pattern.finditer(text):
            said = match.groupdict()
            if said.get("vague"):
                low, high = _vague(said["vague"])
            else:
                low = high = _plain(said)
            start, end = match.span("span") if said.get("span") else match.span()
            yield Found("amount", _bounded(low, high, said), start, end)


def _fen(said: str) -> int:
    return round(number(said) * 100)


def _plain(said: dict[str, str | None]) -> int:
    if said.get("dime"):
        return _fen(said["dime"] or "") // 10
    jiao = said.get("jiao")
    return _fen(said["n"] or "") + (round(number(jiao) * 10) if jiao else 0)


def _vague(said: str) -> tuple[int, int]:
    """From and to: 三百多 is 300 to 400, 两三百 200 to 300, 几十 20 to 100, 一百来 80 to 120."""
    unit = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
    around = re.fullmatch(rf"(?P<n>{_NUMBER}|[百千万])(?P<how>来|把)", said)
    if around:
        middle = _fen(around["n"]) if around["n"] not in unit else unit[around["n"]] * 100
        return round(middle * (1 - _SHARE)), round(middle * (1 + _SHARE))
    if said[0] == "几":
        size = unit[said[-1]] if said[-1] in unit else unit[said[-2]]
        return 2 * size * 100, 10 * size * 100
    if said[-1] in "多几":
        low = _fen(said[:-1])
        step = next(size for size in (10_000, 1000, 100, 10, 1) if low % (size * 100) == 0)
        return low, low + step * 100
    if len(said) == 3 and said[-1] in unit:
        return tuple(round(number(one) * unit[said[-1]] * 100) for one in said[:2])  # type: ignore[return-value]
    low = _fen(said)
    return low, low


def _bounded(low: int, high: int, said: dict[str, str | None]) -> dict[str, int | None]:
    reach = said.get("reach") or ""
    if said.get("most") or re.fullmatch(_UPPER, reach):
        return {"from": 0, "to": high}
    if re.fullmatch(_LOWER, reach):
        return {"from": low, "to": None}
    if reach:
        return {"from": round(low * (1 - _SHARE)), "to": round(high * (1 + _SHARE))}
    return {"from": low, "to": high}


_COUNTED = "件个双条只台盒箱瓶袋包套份本支把罐桶张提束卷顶副枚对块"
_NOT_COUNTED = (
    r"月(?!饼)|多月|半?小时|星期|礼拜|钟头|人|说法|交代|解释|答复|电话|问题|订单|单子|包裹|快递|地址|字|装|套|事|地方|孩|娃|宝宝|牌子|意思|原因|消息|高|低|尺码|码"
    r"|优惠|活动|客服|东西都|都没|也没|靠谱|工作日|季度|年|天|级|颜色|号(?!的)|链接|账号|会员|角度"
)
_QUANTITIES = _any_of(
    r"数量\D{0,4}?(?P<v>\d{1,3})(?!\d)",
    rf"(?<![\d.第同这那哪每某另没几前后上下整点半蹲])(?P<v>{NUMERAL})\s?[{_COUNTED}](?!{_NOT_COUNTED})",
    r"(?<![a-z\d])[x*×](?P<v>\d{1,2})(?![\d.])",
    r"(?<![我你他她它咱们])(?P<v>[俩仨])(?![人口手月])",
    r"^\s*(?P<v>\d{1,2})\s*$",
)


def quantities(text: str) -> Iterator[Found]:
    """Numbers of pieces in folded `text`, as `quantity` from 1 to 999."""
    for pattern in _QUANTITIES:
        for match in pattern.finditer(text):
            many = number(match["v"])
            if 1 <= many <= 999 and many == int(many):
                yield Found("quantity", int(many), *match.span("v"))
