"""Tencent's side, played over HTTP: for tests, measurements and `xiaoer wechat-sim`."""

from integrations.channels.wechat.simulator.phone import Exchange, Phone, Seen
from integrations.channels.wechat.simulator.tencent import Fault, Tencent

__all__ = ["Exchange", "Fault", "Phone", "Seen", "Tencent"]
