"""Other ways in which the same message might have been typed: what a sentence teaches besides itself."""

import random
from collections import defaultdict

import jieba

from bot.components.features import careless_sound

PARTICLES = set("了吗呢啊呀吧的呗嘛哈哦么啦")
OTHER_WORDS = {
    "什么时候": ("啥时候", "几时", "何时", "啥时"),
    "什么": ("啥",),
    "怎么办": ("咋办", "咋整"),
    "怎么": ("咋", "怎样"),
    "没有": ("木有", "没得", "冇"),
    "为什么": ("为啥", "为毛"),
    "不要": ("甭", "不想要"),
    "我": ("俺", "偶"),
    "知道": ("晓得",),
    "可以": ("行", "能"),
    "多少钱": ("几多钱", "好多钱", "多少米"),
    "是不是": ("是否",),
    "能不能": ("可以", "可否", "能否"),
    "马上": ("立马",),
    "非常": ("老", "巨"),
    "这个": ("这", "介个"),
    "还没": ("还木有", "还未"),
    "东西": ("货", "宝贝", "商品"),
    "快递": ("快件", "物流"),
    "客服": ("店家", "你们"),
}
LOOKALIKES = (
    "己已 末未 帐账 劵券 侯候 拔拨 那哪 再在 做作 得的 地的 卖买 贷货 折拆 块快 低底 俩两 型形 象像 蓝篮 "
    "按安 反返 换唤 既即 份分 坐座 带戴 才材 付负 费废 型行"
)
OPENINGS = (
    "亲 ",
    "你好 ",
    "您好 ",
    "请问 ",
    "麻烦问下 ",
    "那个 ",
    "在吗 ",
    "亲亲 ",
    "客服 ",
    "我想问一下",
    "你们",
    "哎 ",
)
ENDINGS = (" 谢谢", " 亲", " 急", " 麻烦了", "啊", "呢", " 谢啦", "哈")
COMMON = 2_000
"""How often a character stands alone in jieba's dictionary to be one that a slip of the keyboard offers."""


class Noise:
    """Makes one such message after the other; the same seed makes the same ones."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        jieba.initialize()
        self._sounding: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for word, count in jieba.dt.FREQ.items():
            if len(word) == 1 and _is_han(word) and count > COMMON:
                self._sounding[careless_sound(word)][word] = count**0.5
        self._looking: defaultdict[str, list[str]] = defaultdict(list)
        for one, other in LOOKALIKES.split():
            self._looking[one].append(other)
            self._looking[other].append(one)

    def __call__(self, text: str, framed: bool = True) -> str:
        """`text` with one change, or as it is where the change drawn does not apply.

        Particles dropped, a dialect word, a character of the same sound or shape, two swapped, one lost; if
        `framed`, also a polite opening or ending, which would make another message of a bare greeting.
        """
        changes = (self._drop_particles, self._other_word, self._same_sound, self._lookalike, self._slip)
        weights = [20, 20, 15, 7, 8]
        if framed:
            changes += (self._frame,)
            weights.append(30)
        return self._random.choices(changes, weights)[0](text)

    def _drop_particles(self, text: str) -> str:
        return "".join(c for c in text if c not in PARTICLES or self._random.random() < 0.3)

    def _other_word(self, text: str) -> str:
        words = [word for word in OTHER_WORDS if word in text]
        if not words:
            return text
        word = self._random.choice(words)
        return text.replace(word, self._random.choice(OTHER_WORDS[word]), 1)

    def _same_sound(self, text: str) -> str:
        places = [place for place, character in enumerate(text) if _is_han(character)]
        if not places:
            return text
        place = self._random.choice(places)
        others = {c: w for c, w in self._sounding[careless_sound(text[place])].items() if c != text[place]}
        return _put(text, place, self._random.choices([*others], [*others.values()])[0]) if others else text

    def _lookalike(self, text: str) -> str:
        places = [place for place, character in enumerate(text) if character in self._looking]
        if not places:
            return text
        place = self._random.choice(places)
        return _put(text, place, self._random.choice(self._looking[text[place]]))

    def _slip(self, text: str) -> str:
        if len(text) < 7:
            return text
        place = self._random.randrange(len(text) - 1)
        if self._random.random() < 0.4:
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        return text[:place] + text[place + 1 :]

    def _frame(self, text: str) -> str:
        if self._random.random() < 0.6:
            return self._random.choice(OPENINGS) + text
        return text + self._random.choice(ENDINGS)


def _put(text: str, place: int, character: str) -> str:
    return text[:place] + character + text[place + 1 :]


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
