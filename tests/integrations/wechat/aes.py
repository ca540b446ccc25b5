"""AES-256-CBC encryption straight from FIPS 197 and WeChat's message format over it: slow, and our own."""


def times_two(value: int) -> int:
    return (value << 1 ^ (0x11B if value & 0x80 else 0)) & 0xFF


def product(left: int, right: int) -> int:
    result = 0
    while right:
        result ^= left if right & 1 else 0
        left, right = times_two(left), right >> 1
    return result


def substitution(value: int) -> int:
    inverse = next((other for other in range(256) if product(value, other) == 1), 0)
    rotated = [inverse << turn | inverse >> 8 - turn for turn in range(5)]
    return (rotated[0] ^ rotated[1] ^ rotated[2] ^ rotated[3] ^ rotated[4] ^ 0x63) & 0xFF


BOX = [substitution(value) for value in range(256)]


def round_keys(key: bytes) -> list[list[int]]:
    words = [list(key[place : place + 4]) for place in range(0, 32, 4)]
    constant = 1
    while len(words) < 60:
        word = words[-1]
        if len(words) % 8 == 0:
            word = [BOX[value] for value in word[1:] + word[:1]]
            word[0] ^= constant
            constant = times_two(constant)
        elif len(words) % 8 == 4:
            word = [BOX[value] for value in word]
        words.append([left ^ right for left, right in zip(words[-8], word, strict=True)])
    return [[value for word in words[place : place + 4] for value in word] for place in range(0, 60, 4)]


def encrypt_block(keys: list[list[int]], block: bytes) -> bytes:
    state = [left ^ right for left, right in zip(block, keys[0], strict=True)]
    for number, key in enumerate(keys[1:], 1):
        state = [BOX[state[(place + 4 * (place % 4)) % 16]] for place in range(16)]
        if number < 14:
            state = [
                times_two(state[at])
                ^ product(state[first + (at + 1) % 4], 3)
                ^ state[first + (at + 2) % 4]
                ^ state[first + (at + 3) % 4]
                for at in range(16)
                for first in (at - at % 4,)
            ]
        state = [left ^ right for left, right in zip(state, key, strict=True)]
    return bytes(state)


def encrypt_cbc(key: bytes, content: bytes) -> bytes:
    """The ciphertext of whole blocks, the first 16 bytes of the key as IV."""
    keys, last, made = round_keys(key), key[:16], b""
    for place in range(0, len(content), 16):
        block = bytes(left ^ right for left, right in zip(content[place : place + 16], last, strict=True))
        last = encrypt_block(keys, block)
        made += last
    return made


def wrapped(message: bytes, app_id: str, length: int | None = None, pad: bytes | None = None) -> bytes:
    """A message as it is encrypted; `length` and `pad` can be wrong on purpose."""
    size = len(message) if length is None else length
    content = b"0123456789abcdef" + size.to_bytes(4, "big") + message + app_id.encode()
    missing = 32 - len(content) % 32
    return content + (bytes([missing]) * missing if pad is None else pad)
