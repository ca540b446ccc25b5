"""Invoices: asked for, changed before they are issued."""

from typing import Any

from rasa_sdk.events import EventType

from actions import wording
from actions.base import OrderErrand, begin_form
from actions.cancelling import order_facts
from actions.client import Refused
from actions.forms import Form, Submission
from actions.knowledge import say_special_article
from actions.orders import tell
from actions.shapes import Order
from actions.turn import ORDER, Button, Turn, button, command, human

TITLE_LETTERS = 80
KIND_LETTERS = 3


class InvoiceRequest(OrderErrand):
    title = "invoice_request"
    informs = False
    errand = "invoice"
    intent = "invoice_request"

    async def answer(self, turn: Turn) -> list[EventType]:
        asks = not turn.form and wording.says("question", turn.text)
        if asks and await say_special_article(turn, button("invoice", "invoice_request")):
            return []
        return await super().answer(turn)

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        invoice = order.invoice
        if order.state in ("unpaid", "cancelled"):
            tell(turn, order, lead="invoice_not_yet")
            return []
        if invoice and invoice.state == "issued":
            turn.say(
                "invoice_issued",
                [human()],
                order=wording.order_short(order),
                title=invoice.title,
                at=wording.day(invoice.issued_at or order.placed_at),
                number=invoice.number,
                email=invoice.email or wording.piece("my_orders"),
            )
            return []
        if invoice and not (turn.entity("change") or wording.says("again", turn.text)):
            change = Button(
                title=wording.piece("button.change_invoice"),
                payload=command("invoice_request", order_no=order.number, change="yes"),
            )
            turn.say(
                "invoice_requested",
                [change],
                order=wording.order_short(order),
                title=invoice.title,
                amount=wording.yuan(invoice.amount_fen),
            )
            return []
        kind = wording.first_said("kind", turn.text)
        filled = {
            "invoice_kind": kind,
            "invoice_tax_number": "" if kind == "personal" else turn.entity("tax_no"),
        }
        return begin_form(
            turn, "invoice_form", order_facts(order) | filled | {"invoice_email": turn.entity("email")}
        )


class InvoiceForm(Form):
    """Kind, title, tax number (companies only), e-mail (may be skipped), and a yes at the end."""

    form = "invoice_form"
    slots = (
        "invoice_kind",
        "invoice_title",
        "invoice_tax_number",
        "invoice_email",
        "invoice_confirm",
    )
    own = frozenset({"invoice_request"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        heard = self._facts(turn)
        if asked == "invoice_confirm" and not heard:
            if wording.says("again", turn.text) and not turn.pressed:
                return {"invoice_title": self._title(turn) or None}
            return self._labelled(turn, self.confirm(turn, asked))
        if asked == "invoice_email" and not heard and (turn.no() or wording.says("skip", turn.text)):
            heard = {"invoice_email": ""}
        company = asked == "invoice_kind" and wording.says("company_name", turn.text)
        if company:
            heard["invoice_kind"] = "company"
        if (asked == "invoice_title" or company) and not self.asks_else(turn):
            title = self._title(turn)
            only_kind = len(title) <= KIND_LETTERS and wording.first_said("kind", title)
            if any(character.isalpha() for character in title) and not only_kind:
                heard["invoice_title"] = title
        if asked == "invoice_tax_number" and not heard and turn.intent != "invoice_request":
            code = wording.says("code", turn.text)
            heard = {} if self.asks_else(turn) and not code else self._wrong_tax_number(turn)
        return self._labelled(turn, heard)

    def _facts(self, turn: Turn) -> dict[str, Any]:
        """What the message tells by its form alone, whatever was asked."""
        heard: dict[str, Any] = {}
        kind = turn.entity("kind")
        words = wording.first_said("kind", turn.text) if len(turn.text) < 9 else None
        if kind or (words and not wording.says("company_name", turn.text)):
            heard["invoice_kind"] = kind or words
        if number := turn.entity("tax_no"):
            heard |= {"invoice_tax_number": number, "invoice_kind": "company"}
            if wording.says("company_name", self._title(turn)):
                heard["invoice_title"] = self._title(turn)
        if email := turn.entity("email"):
            heard["invoice_email"] = email
        if heard.get("invoice_kind") == "personal":
            heard["invoice_tax_number"] = ""
        elif heard.get("invoice_kind") == "company" and turn.slot("invoice_tax_number") == "":
            heard.setdefault("invoice_tax_number", None)
        return heard

    @staticmethod
    def _title(turn: Turn) -> str:
        title = turn.text
        for found in (turn.entity("tax_no"), turn.entity("email")):
            title = title.replace(str(found), " ") if found else title
        title = wording.without("title_tail", wording.without("title_lead", title))
        return "" if turn.pressed else title[:TITLE_LETTERS]

    @staticmethod
    def _wrong_tax_number(turn: Turn) -> dict[str, Any]:
        if wording.says("code", turn.text) or any(character.isdigit() for character in turn.text):
            turn.say("tax_number_wrong")
            return {"invoice_tax_number": None}
        return {}

    @staticmethod
    def _labelled(turn: Turn, heard: dict[str, Any]) -> dict[str, Any]:
        """With the texts that the last question shows."""
        if not heard:
            return {}
        slots = turn.tracker.slots | heard
        kind = slots.get("invoice_kind")
        label = wording.piece(f"invoice_kind.{kind}") if kind else None
        number, email = slots.get("invoice_tax_number"), slots.get("invoice_email")
        extra = "".join(
            wording.piece(f"invoice_{name}", value=value)
            for name, value in (("tax_number", number), ("email", email))
            if value
        )
        return heard | {"kind_label": label, "invoice_extra": extra}


class InvoiceSubmit(Submission):
    form = "invoice_form"
    title = "invoice_asked"

    async def submit(self, turn: Turn) -> list[EventType]:
        try:
            invoice = await turn.shop.ask_invoice(
                turn.slot(ORDER),
                turn.slot("invoice_kind"),
                turn.slot("invoice_title"),
                turn.slot("invoice_tax_number"),
                turn.slot("invoice_email"),
            )
        except Refused as refused:
            match refused.code:
                case "tax_number_invalid":
                    turn.say("tax_number_wrong")
                    kept = {
                        name: turn.slot(name) for name in ("invoice_kind", "invoice_title", "invoice_email")
                    }
                    return begin_form(turn, "invoice_form", kept)
                case "invoice_issued":
                    turn.say("invoice_issued_already", [human()])
                    return []
            raise
        turn.say(
            "invoice_done",
            (),
            title=invoice.title,
            kind=wording.piece(f"invoice_kind.{invoice.kind}"),
            amount=wording.yuan(invoice.amount_fen),
            email=invoice.email or wording.piece("my_orders"),
        )
        return []
