"""Derived metrics such as "samples_per_second / cores": arithmetic on a measurement's values, never Python's eval."""

from __future__ import annotations

import ast
import math
import operator
import sys
from typing import TYPE_CHECKING

from mlperf_home.errors import LocatedError
from mlperf_home.measurements.measurement import Value, unknown
from scriptgraph.files.parsing import parsing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST = 500
_SHOWN = 100
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ADVICE = "use names, numbers, + - * / and brackets"


class ExpressionError(LocatedError):
    """An expression cannot be parsed, or has no value for a measurement."""


class Expression:
    """An expression that is parsed once and evaluated for many measurements."""

    def __init__(self, text: str) -> None:
        """Parse an expression.

        Raises:
            ExpressionError: the text is not arithmetic on names and numbers.
        """
        self.text = text
        if len(text) > _LONGEST:
            raise ExpressionError("expression", f"has {len(text)} characters, more than {_LONGEST}", "shorten it")
        try:
            self._tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ExpressionError(repr(text[:_SHOWN]), "is not arithmetic", _ADVICE) from None
        self.names = tuple(dict.fromkeys(self._names(self._tree)))

    def _names(self, node: ast.expr) -> list[str]:
        """Return the names below a node; raise ExpressionError if a node is not allowed."""
        match node:
            case ast.Name(id=name):
                return [name]
            case ast.Constant(value=int() | float() as value) if _is_number(value):
                return []
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
                return self._names(left) + self._names(right)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._names(operand)
            case ast.Call():
                raise ExpressionError(self._place(node), "calls a function", _ADVICE)
        written = ast.get_source_segment(self.text, node) or ""
        raise ExpressionError(self._place(node), f"{written[:_SHOWN]!r} is not allowed", _ADVICE)

    def _place(self, node: ast.expr) -> str:
        """Return the place of a node, its character counted from 1; Python counts bytes."""
        before = self.text.encode("utf-8")[: node.col_offset].decode("utf-8", "replace")
        return f"{self.text[:_SHOWN]!r}, character {len(before) + 1}"

    def value(self, values: Mapping[str, Value]) -> Value:
        """Evaluate the expression; the result is inferred, or unknown if one of its values is unknown.

        Raises:
            ExpressionError: a name is absent or stands for a text, a division by zero, or an overflow.
        """
        for name in self.names:
            if name not in values:
                raise ExpressionError(repr(self.text), f"no value is called {name}", f"use {', '.join(sorted(values))}")
            operand = values[name]
            if operand.value is None:
                return unknown(f"{name} is unknown: {operand.reason}")
            if operand.number is None:
                kind = "text" if isinstance(operand.value, str) else "answer"
                problem = f"{name} is the {kind} {operand.value!r}"
                raise ExpressionError(repr(self.text), problem, "use names of numbers")
        with parsing(lambda reason: ExpressionError(repr(self.text[:_SHOWN]), reason, _ADVICE), ExpressionError):
            result = self._evaluate(self._tree, values)
        if not math.isfinite(result):
            raise ExpressionError(repr(self.text), "overflows", "use smaller numbers")
        return Value(result, "inferred", reason=self.text)

    def _evaluate(self, node: ast.expr, values: Mapping[str, Value]) -> float:
        match node:
            case ast.Name(id=name):
                return values[name].number or 0.0
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.UnaryOp(operand=operand):
                return -self._evaluate(operand, values)
            case ast.BinOp(left=left, op=sign, right=right):
                second = self._evaluate(right, values)
                if isinstance(sign, ast.Div) and second == 0:
                    by = "0" if isinstance(right, ast.Constant) else f"{ast.unparse(right)}, which is 0"
                    raise ExpressionError(repr(self.text), f"divides by {by}", "divide by another value")
                return _BINARY[type(sign)](self._evaluate(left, values), second)
        raise ExpressionError(repr(self.text), "is not arithmetic", _ADVICE)


def _is_number(value: float) -> bool:
    """Whether a constant is a number that a float can hold; ast reads 1e999 as infinity, and integers of any length."""
    return not isinstance(value, bool) and abs(value) <= sys.float_info.max
