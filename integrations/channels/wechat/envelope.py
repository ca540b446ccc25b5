"""What WeChat puts around a message: a signature in the address and, but in plain mode, encryption."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backoffice.settings import WeChatAccount
from integrations.channels.wechat.crypto import Cipher, check_signature, decrypt, sign
from integrations.channels.wechat.errors import BadKey, BadSignature, BadXml
from integrations.channels.wechat.messages import read_fields
from integrations.channels.wechat.xml import Fields, render

SKEW = timedelta(minutes=5)
NOTHING = "success"
"""The answer that says that there is none, so that WeChat does not repeat what it sent."""


@dataclass(frozen=True)
class Signed:
    """What stands in the address of a request: `signature` is over token, timestamp and nonce,
    `msg_signature` over these and the ciphertext.
    """

    timestamp: str
    nonce: str
    signature: str = ""
    msg_signature: str = ""
    encrypt_type: str = ""

    @property
    def encrypted(self) -> bool:
        return self.encrypt_type not in ("", "raw")

    @property
    def once(self) -> str:
        """No two requests have the same: one that comes with it again is replayed."""
        return sign(self.timestamp, self.nonce, self.signature, self.msg_signature)


@dataclass(frozen=True)
class Opened:
    """What was in a request, and the cipher to answer with: that of its own key, None when it came plain."""

    fields: Fields
    cipher: Cipher | None


class Envelopes:
    """Opens what comes for one account and seals what is answered."""

    def __init__(self, account: WeChatAccount) -> None:
        self.account = account
        keys = (account.aes_key, account.previous_aes_key)
        self._ciphers = [Cipher(key, account.app_id) for key in keys if key]

    def verify(self, signed: Signed, moment: datetime) -> None:
        """Check what WeChat sends to verify our address. Raises `BadSignature`."""
        check_time(signed.timestamp, moment)
        check_signature(signed.signature, self.account.token, signed.timestamp, signed.nonce)

    def open(self, signed: Signed, body: bytes, moment: datetime) -> Opened:
        """Raises a `Refused` for what is not WeChat's, too old, or damaged."""
        if not signed.encrypted:
            if self.account.mode == "safe":
                raise BadKey("this account's messages are encrypted")
            self.verify(signed, moment)
            return Opened(read_fields(body), None)
        check_time(signed.timestamp, moment)
        encrypted = read_fields(body).get("Encrypt", "")
        if not encrypted:
            raise BadXml("nothing encrypted in it")
        check_signature(signed.msg_signature, self.account.token, signed.timestamp, signed.nonce, encrypted)
        text, cipher = decrypt(self._ciphers, encrypted)
        return Opened(read_fields(text), cipher)

    def seal(self, xml: str, cipher: Cipher | None, timestamp: str, nonce: str) -> str:
        """A reply as WeChat expects it: as it is, or in an encrypted and signed envelope."""
        if cipher is None or xml == NOTHING:
            return xml
        encrypted = cipher.encrypt(xml)
        return render(
            {
                "Encrypt": encrypted,
                "MsgSignature": sign(self.account.token, timestamp, nonce, encrypted),
                "TimeStamp": int(timestamp),
                "Nonce": nonce,
            }
        )


def check_time(timestamp: str, moment: datetime) -> None:
    """Raises `BadSignature` unless the Unix time is within five minutes of `moment`."""
    try:
        said = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadSignature("the timestamp is no time") from error
    if abs(said - moment) > SKEW:
        raise BadSignature("the timestamp is too far from now")


def text_reply(to: str, account: str, text: str, moment: datetime) -> str:
    """The XML that answers a message with a text: what it came from is where it goes."""
    return render(
        {
            "ToUserName": to,
            "FromUserName": account,
            "CreateTime": int(moment.timestamp()),
            "MsgType": "text",
            "Content": text,
        }
    )
