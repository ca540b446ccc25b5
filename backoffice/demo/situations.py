"""What the orders of the bulk have come to, and the situations that the demo sign-ins show."""

from collections.abc import Callable
from dataclasses import dataclass

from backoffice.demo.rows import HOUR, MINUTE, Row, data
from backoffice.demo.shop import Moments, Pick, Shop, Story
from backoffice.users.service import DEMO_PASSWORD

STORIES: dict[Story, float] = {
    Story("unpaid", (0, 0)): 0.6,
    Story("paid", (1, 1)): 2,
    Story("paid", (2, 2), urged=True): 0.5,
    Story("paid", (1, 1), refund="withdrawn"): 0.2,
    Story("shipped", (3, 4), parcel="in_transit"): 3,
    Story("shipped", (3, 5), parcel="out_for_delivery"): 1,
    Story("shipped", (5, 6), parcel="exception"): 0.4,
    Story("shipped", (3, 4), parcel="intercepting"): 0.3,
    Story("received", (5, 7)): 5,
    Story("received", (8, 30)): 18,
    Story("received", (31, 180)): 56,
    Story("received", (15, 120), protected=True): 0.4,
    Story("cancelled", (1, 180)): 3,
    Story("cancelled", (1, 1), refund="requested"): 0.3,
    Story("cancelled", (2, 3), refund="processing"): 0.6,
    Story("cancelled", (6, 170), refund="settled"): 2.5,
    Story("cancelled", (5, 20), refund="failed"): 0.2,
    Story("cancelled", (10, 90), parcel="returned", refund="settled"): 0.4,
    Story("received", (6, 7), back=("return", "approved")): 0.2,
    Story("received", (6, 7), back=("return", "picked_up")): 0.2,
    Story("received", (6, 7), back=("return", "received")): 0.2,
    Story("received", (6, 7), back=("return", "refunded")): 0.2,
    Story("received", (20, 170), back=("return", "refunded")): 2.4,
    Story("received", (20, 170), back=("return", "withdrawn")): 0.2,
    Story("received", (20, 170), back=("return", "rejected")): 0.3,
    Story("received", (6, 7), back=("exchange", "approved")): 0.2,
    Story("received", (6, 7), back=("exchange", "picked_up")): 0.2,
    Story("received", (6, 7), back=("exchange", "received")): 0.2,
    Story("received", (20, 170), back=("exchange", "exchanged")): 1,
    Story("received", (20, 170), back=("exchange", "withdrawn")): 0.1,
    Story("received", (20, 170), back=("exchange", "rejected")): 0.1,
}

UNPAID = Story("unpaid", (0, 0))
PAID = Story("paid", (1, 1))
IN_TRANSIT = Story("shipped", (2, 4), parcel="in_transit")
RECEIVED = Story("received", (5, 180))


@dataclass(frozen=True)
class SignIn:
    """A customer whom everybody may try; `situation` is one Chinese line."""

    key: str
    name: str
    phone: str
    password: str
    city: str
    situation: str


SIGN_INS = tuple(SignIn(**entry, password=DEMO_PASSWORD) for entry in data("people")["sign_ins"])


def in_transit(shop: Shop, customer: Row) -> None:
    """Bought the day before yesterday, on its way; older orders are done."""
    bought = shop.day(2, 10, 24)
    shop.sale(
        customer,
        IN_TRANSIT,
        bought,
        pick(shop, "轻暖短款羽绒服", "黑色", "L"),
        shipped=shop.day(2, 19, 40),
        last_seen=shop.day(1, 21, 15),
    )
    shop.sale(customer, RECEIVED, shop.day(40, 20, 11), pick(shop, "316不锈钢保温杯", "烟灰", "500 毫升"))


def to_ship(shop: Shop, customer: Row) -> None:
    shop.sale(customer, PAID, shop.day(1, 20, 5), pick(shop, "可视窗空气炸锅", "奶白", "4.5 升"))


def received(shop: Shop, customer: Row) -> None:
    """Two things signed for three days ago."""
    jeans = pick(shop, "高腰直筒牛仔裤", "浅蓝", "M")
    sweater = pick(shop, "羊毛混纺圆领毛衣", "驼色", "S")
    arrived = Moments(shipped=shop.day(5, 18, 30), delivered=shop.day(3, 14, 5))
    shop.sale(customer, RECEIVED, shop.day(5, 9, 41), [*jeans, *sweater], **arrived)


def refunding(shop: Shop, customer: Row) -> None:
    story = Story("cancelled", (2, 2), refund="processing")
    headphones = pick(shop, "主动降噪蓝牙耳机", "黑色", "标准版")
    shop.sale(customer, story, shop.day(2, 16, 30), headphones, cancelled=shop.day(1, 9, 12))


def several(shop: Shop, customer: Row) -> None:
    """One order of each state, all of different things."""
    shop.sale(customer, UNPAID, shop.moment - 12 * MINUTE, pick(shop, "通勤防泼水双肩包", "墨绿", "均码"))
    shop.sale(customer, PAID, shop.day(1, 12, 20), pick(shop, "云南小粒咖啡豆", "深度烘焙", "454 克", 2))
    shop.sale(customer, IN_TRANSIT, shop.day(3, 21, 2), pick(shop, "长绒棉床上四件套", "雾蓝", "1.8 米床"))
    arrived = Moments(shipped=shop.day(6, 17), delivered=shop.day(4, 11, 30))
    shop.sale(customer, RECEIVED, shop.day(6, 8, 50), pick(shop, "免烫商务衬衫", "浅蓝", "XL"), **arrived)
    shop.sale(customer, RECEIVED, shop.day(35, 19, 9), pick(shop, "全光谱护眼台灯", "白色", "标准版"))
    refunded = Story("cancelled", (12, 12), refund="settled")
    shop.sale(customer, refunded, shop.day(12, 22, 40), pick(shop, "静音万向轮行李箱", "银灰", "20 寸"))


def returning(shop: Shop, customer: Row) -> None:
    """A return that was picked up, and an exchange that was agreed to."""
    story = Story("received", (6, 6), back=("return", "picked_up"))
    arrived = Moments(shipped=shop.day(6, 18), delivered=shop.day(5, 15, 20), requested=shop.day(3, 10, 2))
    shop.sale(customer, story, shop.day(6, 10, 15), pick(shop, "法式碎花连衣裙", "蓝色碎花", "M"), **arrived)
    story = Story("received", (5, 5), back=("exchange", "approved"))
    arrived = Moments(shipped=shop.day(5, 19), delivered=shop.day(3, 12, 40))
    shop.sale(customer, story, shop.day(5, 13, 30), pick(shop, "云感缓震跑鞋", "黑白", "39"), **arrived)


def price_fell(shop: Shop, customer: Row) -> None:
    """Running shoes bought three days ago; since yesterday they cost 30 yuan less."""
    shop.sale(customer, IN_TRANSIT, shop.day(3, 11, 8), pick(shop, "云感缓震跑鞋", "黑白", "42"))


def black(shop: Shop, customer: Row) -> None:
    """The highest level, with points and coupons."""
    shop.earn(customer, 20_000, "member", shop.day(300, 10))
    shop.earn(customer, 500, "birthday", shop.day(60, 9))
    for days, product in (
        (20, ("95白鹅绒冬被", "白色", "220×240 厘米")),
        (80, ("运动健康智能手表", "曜黑", "46 毫米")),
    ):
        shop.sale(customer, RECEIVED, shop.day(days, 20, 30), pick(shop, *product))
    for coupon in [coupon for coupon in shop.coupons if coupon["ends_at"] > shop.moment][:4]:
        shop.claim(customer, coupon, shop.day(2, 12))


def unpaid(shop: Shop, customer: Row) -> None:
    shop.sale(customer, UNPAID, shop.moment - 6 * MINUTE, pick(shop, "运动健康智能手表", "浅金", "42 毫米"))


def newcomer(shop: Shop, customer: Row) -> None:
    """Has bought nothing yet."""


def trouble(shop: Shop, customer: Row) -> None:
    """One parcel met with trouble, one is being brought today."""
    late = Story("shipped", (6, 6), parcel="exception")
    shop.sale(
        customer,
        late,
        shop.day(6, 14, 22),
        pick(shop, "可折叠收纳箱", "透明", "60 升"),
        last_seen=shop.day(1, 17, 45),
    )
    coming = Story("shipped", (3, 3), parcel="out_for_delivery")
    shop.sale(
        customer,
        coming,
        shop.day(3, 9, 33),
        pick(shop, "纯棉长袖睡衣套装", "条纹灰", "L"),
        shipped=shop.day(3, 20),
        last_seen=shop.moment - HOUR / 2,
    )


def cancelled(shop: Shop, customer: Row) -> None:
    """Called off a few minutes ago: the money has not left yet."""
    story = Story("cancelled", (1, 1), refund="requested")
    keyboard = pick(shop, "客制化机械键盘", "灰白", "茶轴")
    shop.sale(customer, story, shop.day(1, 21, 18), keyboard, cancelled=shop.moment - 10 * MINUTE)


SITUATIONS: dict[str, Callable[[Shop, Row], None]] = {
    show.__name__: show
    for show in (
        in_transit,
        to_ship,
        received,
        refunding,
        several,
        returning,
        price_fell,
        black,
        unpaid,
        newcomer,
        trouble,
        cancelled,
    )
}


def pick(shop: Shop, product: str, colour: str, size: str, quantity: int = 1) -> list[Pick]:
    return [(shop.sku(product, colour, size), quantity)]
