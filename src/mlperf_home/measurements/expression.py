"""Derived metrics such as "samples_per_second / cores": arithmetic on a measurement's values, never Python's eval."""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import Value, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST = 500
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ADVICE = "use names, numbers, + - * / and brackets"


class ExpressionError(LocatedError):
    """An expression cannot be read, or has no value for a measurement."""


class Expression:
    """An expression that was read once and is worked out for many measurements."""

    def __init__(self, text: str) -> None:
        """Read an expression.

        Raises:
            ExpressionError: it is not arithmetic on names and numbers.
        """
        self.text = text
        if len(text) > _LONGEST:
            raise ExpressionError("expression", f"has {len(text)} characters, more than {_LONGEST}", "shorten it")
        try:
            self._tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ExpressionError(repr(text), "is not arithmetic", _ADVICE) from None
        self.names = tuple(dict.fromkeys(self._names(self._tree)))

    def _names(self, node: ast.expr) -> list[str]:
        """Name what is used, and refuse whatever is not on the list."""
        match node:
            case ast.Name(id=name):
                return [name]
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool) and math.isfinite(value):
                return []
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                return self._names(left) + self._names(right)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._names(operand)
            case ast.Call():
                raise ExpressionError(self._place(node), "calls something", _ADVICE)
        raise ExpressionError(self._place(node), f"{ast.unparse(node)!r} is not allowed", _ADVICE)

    def _place(self, node: ast.expr) -> str:
        """Name the character, from 1; Python counts bytes."""
        before = self.text.encode("utf-8")[: node.col_offset].decode("utf-8", "replace")
        return f"{self.text!r}, character {len(before) + 1}"

    def value(self, values: Mapping[str, Value]) -> Value:
        """Work it out; the result is inferred, or unknown if a value that it uses is.

        Raises:
            ExpressionError: a name that is not there or is a text, or a division by zero.
        """
        for name in self.names:
            if name not in values:
                raise ExpressionError(repr(self.text), f"there is no {name}", f"use {', '.join(sorted(values))}")
            given = values[name]
            if given.value is None:
                return unknown(f"{name} is unknown: {given.reason}")
            if isinstance(given.value, str):
                raise ExpressionError(repr(self.text), f"{name} is the text {given.value!r}", "use names of numbers")
        found = self._worked_out(self._tree, values)
        if not math.isfinite(found):
            raise ExpressionError(repr(self.text), "is beyond what a number can hold", "see to its values")
        return Value(found, "inferred", reason=self.text)

    def _worked_out(self, node: ast.expr, values: Mapping[str, Value]) -> float:
        match node:
            case ast.Name(id=name):
                return float(values[name].value or 0)
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.UnaryOp(operand=operand):
                return -self._worked_out(operand, values)
            case ast.BinOp(left=left, op=sign, right=right):
                second = self._worked_out(right, values)
                if isinstance(sign, ast.Div) and second == 0:
                    by = "0" if isinstance(right, ast.Constant) else f"{ast.unparse(right)}, which is 0"
                    raise ExpressionError(repr(self.text), f"divides by {by}", "give a value that is not 0")
                return _BINARY[type(sign)](self._worked_out(left, values), second)
        raise ExpressionError(repr(self.text), "is not arithmetic", _ADVICE)
