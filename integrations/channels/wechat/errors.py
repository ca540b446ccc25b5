"""What is refused of what claims to come from WeChat, with Tencent's own numbers for it.

Problem
└── Refused             what was sent is not as agreed
    ├── BadSignature    403  -40001  not signed with our token, too old, or seen before
    ├── BadXml          422  -40002  neither XML nor JSON as agreed
    ├── BadKey          422  -40004  encrypted, but there is no usable EncodingAESKey
    ├── WrongApp        403  -40005  encrypted for another account
    ├── BadCipher       422  -40007  not what AES makes
    ├── BadBuffer       422  -40008  decrypted, but not a message: another key, or damaged
    └── BadBase64       422  -40010  the ciphertext is not base64
"""

from backoffice.kit.errors import Problem


class Refused(Problem):
    status = 422
    errcode = 0

    def __init__(self, detail: str) -> None:
        super().__init__("wechat_refused", detail, errcode=self.errcode)


class BadSignature(Refused):
    status = 403
    errcode = -40001


class BadXml(Refused):
    errcode = -40002


class BadKey(Refused):
    errcode = -40004


class WrongApp(Refused):
    status = 403
    errcode = -40005


class BadCipher(Refused):
    errcode = -40007


class BadBuffer(Refused):
    errcode = -40008


class BadBase64(Refused):
    errcode = -40010
