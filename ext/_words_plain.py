"""The plain twin of `ext._words`: the same primitives, without raw memory."""

from __future__ import annotations


def cut(data: bytes, start: int, end: int) -> bytes:
    """`data[start:end]`; IndexError outside of it."""
    if not 0 <= start <= end <= len(data):
        raise IndexError("range outside of the data")
    return data[start:end]


def unmask(data: bytes, start: int, end: int, key: bytes, key_at: int) -> bytes:
    """`data[start:end]` XOR the four bytes at `key[key_at:]`, repeated. IndexError outside of either."""
    if not (0 <= start <= end <= len(data) and 0 <= key_at <= len(key) - 4):
        raise IndexError("range outside of the data")
    length = end - start
    mask = (key[key_at : key_at + 4] * (length // 4 + 1))[:length]
    return (int.from_bytes(data[start:end], "big") ^ int.from_bytes(mask, "big")).to_bytes(length, "big")


def pack(first: int, pieces: tuple[bytes | str, ...]) -> bytes:
    """The pieces in a row; behind an unmasked frame header if `first`, its first byte, is not 0."""
    payload = b"".join([piece if isinstance(piece, bytes) else piece.encode() for piece in pieces])
    length = len(payload)
    if not first:
        return payload
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload
