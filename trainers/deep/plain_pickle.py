"""Pickles of plain values read without running them: texts, numbers, lists, dictionaries, bytes.

CIFAR's batches are pickled dictionaries with one array each. A pickle is a program that may call
anything; here its few harmless instructions are carried out by a table, arrays of bytes are made of
their parts, and everything else is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pickletools import genops
from typing import Any

import numpy as np

ARRAY = "multiarray _reconstruct"
DTYPE = "numpy dtype"
ENCODE = "_codecs encode"


class Refused(ValueError):
    """What a pickle holds that is not plain."""


def loaded(content: bytes) -> dict[str, Any]:
    """Return the dictionary in a pickle, its keys as texts.

    Raises
    ------
    Refused
        If it holds anything but a dictionary of plain values and arrays of unsigned bytes.
    """
    machine = Machine()
    for code, argument, _ in genops(content):
        if code.name == "STOP":
            break
        machine.take(code.name, argument)
    found = _plain(machine.stack.pop())
    if not isinstance(found, dict):
        raise Refused(f"a {type(found).__name__}, where a dictionary belongs")
    return found


class Call:
    """A call that the pickle asks for, not carried out; `state` is what it would be set to."""

    def __init__(self, name: str, arguments: Any) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Any = None


class Name(str):
    """The name of something importable, which is not imported."""

    __slots__ = ()


MARK = object()


class Machine:
    """Stack and memory of a pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}

    def take(self, code: str, argument: Any) -> None:
        """Carry out one instruction."""
        if code in VALUES:
            self.stack.append(VALUES[code](argument))
        elif code in MADE:
            self.stack.append(MADE[code]())
        elif code in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memory[int(argument)] = self.stack[-1]
        elif code == "MEMOIZE":
            self.memory[len(self.memory)] = self.stack[-1]
        elif code in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memory[int(argument)])
        elif code not in ("PROTO", "FRAME"):
            action = getattr(self, f"_{code.lower()}", None)
            if action is None:
                raise Refused(f"instruction {code}, which plain values do not need")
            action()

    def _above(self) -> list[Any]:
        """Return what stands above the last mark, and take both away."""
        at = len(self.stack) - 1 - self.stack[::-1].index(MARK)
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def _tuple(self) -> None:
        self.stack.append(tuple(self._above()))

    def _few(self, count: int) -> None:
        found = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(found)

    def _tuple1(self) -> None:
        self._few(1)

    def _tuple2(self) -> None:
        self._few(2)

    def _tuple3(self) -> None:
        self._few(3)

    def _append(self) -> None:
        value = self.stack.pop()
        self.stack[-1].append(value)

    def _appends(self) -> None:
        values = self._above()
        self.stack[-1].extend(values)

    def _setitem(self) -> None:
        key, value = self.stack[-2:]
        del self.stack[-2:]
        self.stack[-1][key] = value

    def _setitems(self) -> None:
        pairs = self._above()
        self.stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))

    def _stack_global(self) -> None:
        module, name = self.stack[-2:]
        del self.stack[-2:]
        self.stack.append(_name(f"{module} {name}"))

    def _reduce(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name):
            raise Refused("a call of something that is not a name")
        call = Call(name, arguments)
        self.stack.append(_encoded(call) if name == ENCODE else call)

    def _build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Call):
            raise Refused("a state of something that is not an array")
        self.stack[-1].state = state


def _name(text: str) -> Name:
    """Return a name that arrays are made with."""
    for known in (ARRAY, DTYPE, ENCODE, "numpy ndarray"):
        if text == known or (known == ARRAY and text.startswith("numpy.") and text.endswith(known)):
            return Name(known)
    raise Refused(f"{text.replace(' ', '.')!r}, which is not a plain value")


def _bytes(argument: Any) -> bytes:
    return argument.encode("latin-1") if isinstance(argument, str) else bytes(argument)


VALUES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "INT", "LONG1", "BINFLOAT"), lambda one: one),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "UNICODE"), str),
    **dict.fromkeys(
        ("BINSTRING", "SHORT_BINSTRING", "STRING", "BINBYTES", "SHORT_BINBYTES"), _bytes
    ),
    "GLOBAL": _name,
}
"""Instructions that put their argument on the stack."""
MADE: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": lambda: MARK,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
"""Instructions that put something new on the stack."""


def _plain(value: Any) -> Any:
    """Return a value with arrays made of their parts, and texts in place of bytes as keys."""
    if isinstance(value, dict):
        return {
            key.decode("latin-1") if isinstance(key, bytes) else str(key): _plain(one)
            for key, one in value.items()
        }
    if isinstance(value, Call):
        return _array(value)
    if isinstance(value, Name):
        raise Refused(f"{value!r} by itself")
    return value


def _encoded(call: Call) -> bytes:
    """Return bytes that newer pickles of an old protocol write as a text."""
    match call.arguments:
        case (str(text), "latin1" | "latin-1" | b"latin1"):
            return text.encode("latin-1")
    raise Refused("a text in another code than Latin-1")


def _array(call: Call) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return an array of unsigned bytes, made of its shape and content."""
    match call.state:
        case (int(), tuple(shape), Call() as kind, order, content) if call.name == ARRAY:
            text = kind.arguments[0] if isinstance(kind.arguments, tuple) else None
            whole = isinstance(content, bytes) and all(isinstance(one, int) for one in shape)
            if whole and kind.name == DTYPE and text in ("u1", b"u1"):
                if min(shape, default=0) < 0 or math.prod(shape) != len(content):
                    raise Refused(f"an array of {len(content)} bytes and shape {shape}")
                flat = np.frombuffer(content, np.uint8)
                return flat.reshape(shape, order="F" if order else "C")
    raise Refused("an array of something other than unsigned bytes")
