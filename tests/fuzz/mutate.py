"""Bytes damaged as disks, power cuts and editors damage them; the same for the same dice."""

from __future__ import annotations

import random
from collections.abc import Callable

INTERESTING = (
    *(bytes([value]) for value in (0x00, 0x01, 0x09, 0x0A, 0x20, 0x2D, 0x30, 0x39, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)),
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xed\xa0\x80",  # an unpaired surrogate, as those write it who do not know that it is none of UTF-8
    b"\xf4\x90\x80\x80",
    b"\xe2\x80\xae",
    b"99999999999999999999",
    b"-1",
    b"NaN",
    b"null",
    b'"',
    b"[",
    b"}",
)

Mutation = Callable[[bytearray, random.Random, int], None]


def mutated(content: bytes, dice: random.Random, *, page: int = 512, most: int = 4) -> bytes:
    """The content with one to `most` mutations.

    Args:
        content: Not empty.
        dice: Decide all.
        page: Bytes of the blocks that are swapped and zeroed.
        most: Mutations at most; one is as likely as all others together.
    """
    damaged = bytearray(content)
    for _ in range(1 if dice.random() < 0.5 else dice.randint(1, most)):
        if damaged:
            dice.choice(MUTATIONS)(damaged, dice, page)
    return bytes(damaged)


def flip_bit(content: bytearray, dice: random.Random, page: int) -> None:  # noqa: ARG001 - each has the same signature
    content[_place(content, dice)] ^= 1 << dice.randrange(8)


def overwrite(content: bytearray, dice: random.Random, page: int) -> None:  # noqa: ARG001
    value = dice.choice(INTERESTING)
    place = _place(content, dice)
    content[place : place + len(value)] = value[: len(content) - place]


def scatter(content: bytearray, dice: random.Random, page: int) -> None:
    """Random bytes over a stretch of less than a page."""
    place = _place(content, dice)
    length = min(dice.randint(1, page), len(content) - place)
    content[place : place + length] = dice.randbytes(length)


def truncate(content: bytearray, dice: random.Random, page: int) -> None:
    end = _place(content, dice)
    del content[end // page * page if dice.random() < 0.5 else end :]


def insert(content: bytearray, dice: random.Random, page: int) -> None:
    place = _place(content, dice)
    content[place:place] = dice.choice(INTERESTING) if dice.random() < 0.5 else dice.randbytes(dice.randint(1, page))


def remove(content: bytearray, dice: random.Random, page: int) -> None:
    place = _place(content, dice)
    del content[place : place + dice.randint(1, page)]


def swap_pages(content: bytearray, dice: random.Random, page: int) -> None:
    one, other = (dice.randrange(-(-len(content) // page)) * page for _ in range(2))
    first, second = content[one : one + page], content[other : other + page]
    if len(first) == len(second):
        content[one : one + page], content[other : other + page] = second, first


def copy_page(content: bytearray, dice: random.Random, page: int) -> None:
    """One page in the place of another: a write that went astray."""
    one, other = (dice.randrange(-(-len(content) // page)) * page for _ in range(2))
    written = content[one : one + page]
    content[other : other + len(written)] = written


def zero(content: bytearray, dice: random.Random, page: int) -> None:
    """A block that was allocated and never written."""
    place = _place(content, dice) // page * page
    length = min(page * dice.randint(1, 4), len(content) - place)
    content[place : place + length] = bytes(length)


MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bit, flip_bit, flip_bit, flip_bit, overwrite, overwrite, scatter, truncate),
    *(insert, remove, swap_pages, copy_page, zero),
)
"""Each as likely as it is listed: single bits are what passes unnoticed."""


def _place(content: bytearray, dice: random.Random) -> int:
    """Anywhere, one time in five at the beginning: that is where formats keep what they mean."""
    return dice.randrange(min(len(content), 128) if dice.random() < 0.2 else len(content))
