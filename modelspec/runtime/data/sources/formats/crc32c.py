"""CRC-32C (Castagnoli), as used in TFRecord files. Source: RFC 3720, appendix B.4."""

from __future__ import annotations

from functools import cache

import numpy as np

from modelspec.runtime.data.table import Array

_POLYNOMIAL = 0x82F63B78
_LANES = 1024
"""Pieces of the data that are processed at once."""


@cache
def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        found.append(crc)
    return tuple(found)


@cache
def _lane_table() -> Array:
    return np.array(_table(), np.uint32)


def crc32c(data: bytes) -> int:
    """The checksum. Long data is split into lanes of equal length that NumPy processes together."""
    width = len(data) // _LANES
    if width < 64:
        return _plain(data, 0)
    lanes = np.frombuffer(data, np.uint8, _LANES * width).reshape(_LANES, width).T.copy()
    table = _lane_table()
    crcs = np.zeros(_LANES, np.uint32)
    crcs[0] = 0xFFFFFFFF
    for column in lanes:
        crcs = table[(crcs ^ column) & 0xFF] ^ (crcs >> np.uint32(8))
    shift = _zeros(width)
    crc = int(crcs[0])
    for lane in crcs[1:]:
        crc = _apply(shift, crc) ^ int(lane)
    return _plain(data[_LANES * width :], crc ^ 0xFFFFFFFF)


def crc32c_of_each(data: Array) -> Array:
    """The checksums of many records of equal length, [count, length] of uint8, as [count] of
    uint32.
    """
    table = _lane_table()
    crcs = np.full(len(data), 0xFFFFFFFF, np.uint32)
    for column in np.ascontiguousarray(data.T):
        crcs = table[(crcs ^ column) & 0xFF] ^ (crcs >> np.uint32(8))
    return crcs ^ np.uint32(0xFFFFFFFF)


def mask(crc: int) -> int:
    """A checksum as stored in TFRecord files, so that it is not the checksum of itself."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def masked(data: bytes) -> int:
    """The checksum of data as stored in TFRecord files."""
    return mask(crc32c(data))


def _plain(data: bytes, crc: int) -> int:
    table = _table()
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# A checksum is linear over GF(2): appending so many zero bytes multiplies it by a matrix. Each
# column is an integer.


@cache
def _zeros(count: int) -> tuple[int, ...]:
    """The matrix of so many zero bytes."""
    if count == 1:
        return tuple(_table()[(1 << bit) & 0xFF] ^ (1 << bit) >> 8 for bit in range(32))
    half = _zeros(count // 2)
    found = tuple(_apply(half, column) for column in half)
    return found if count % 2 == 0 else tuple(_apply(_zeros(1), column) for column in found)


def _apply(matrix: tuple[int, ...], vector: int) -> int:
    found, bit = 0, 0
    while vector:
        if vector & 1:
            found ^= matrix[bit]
        vector >>= 1
        bit += 1
    return found
