"""Immutable sequences that grow in constant time.

Every `Vector` is a view of the first `n` items of a list it shares with the vectors it grew from.
Appending to the newest view adds to the shared list; appending to an older one copies first, so no
view ever changes. This is what keeps `evolve` O(1) amortised while state stays a value.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar, overload

S = TypeVar("S")
T = TypeVar("T")


class Growing(Sequence[T]):
    """An immutable sequence that others have grown from; whoever knows one reads only the rest."""

    __slots__ = ()

    @abstractmethod
    def since(self, start: int) -> Iterator[T]:
        """Iterate from index `start` on, without copying."""

    @abstractmethod
    def extends(self, other: Sequence[T]) -> bool:
        """Tell in O(1) whether this one grew from `other`; false also for equal strangers."""


class Vector(Growing[T]):
    """An immutable, append-only sequence; equal to another with equal items."""

    __slots__ = ("_items", "_size")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items: list[T] = list(items)
        self._size = len(self._items)

    def append(self, item: T) -> Vector[T]:
        """Return a vector with `item` at the end. O(1) amortised on the newest view."""
        items = self._items if len(self._items) == self._size else self._items[: self._size]
        items.append(item)
        grown: Vector[T] = Vector.__new__(Vector)
        grown._items = items
        grown._size = self._size + 1
        return grown

    def since(self, start: int) -> Iterator[T]:
        """Iterate from index `start` on, without copying."""
        return islice(self._items, start, self._size)

    def extends(self, other: Sequence[T]) -> bool:
        """Tell in O(1) whether this vector grew from `other`; false also for equal strangers."""
        if not isinstance(other, Vector):
            return False
        before: Vector[T] = other
        return self._items is before._items and self._size >= before._size

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Vector[T]: ...
    def __getitem__(self, index: int | slice) -> T | Vector[T]:
        if isinstance(index, slice):
            return Vector(self._items[i] for i in range(*index.indices(self._size)))
        if not -self._size <= index < self._size:
            raise IndexError(f"index {index} of a vector of {self._size}")
        return self._items[index if index >= 0 else index + self._size]

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        return islice(self._items, self._size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector):
            return NotImplemented
        return self._size == other._size and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Vector({list(self)!r})"


class Mapped(Growing[T], Generic[S, T]):
    """What a function makes of the items of a vector: each is made when it is read, and not kept.

    Equal to another with equal items.
    """

    __slots__ = ("_function", "_source")

    def __init__(self, function: Callable[[S], T], source: Vector[S]) -> None:
        self._function = function
        self._source = source

    def since(self, start: int) -> Iterator[T]:
        """Iterate from index `start` on, without copying."""
        return map(self._function, self._source.since(start))

    def extends(self, other: Sequence[T]) -> bool:
        """Tell in O(1) whether the vector behind this grew from the one behind `other`."""
        if not isinstance(other, Mapped):
            return False
        before: Mapped[S, T] = other
        return self._function is before._function and self._source.extends(before._source)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Mapped[S, T]: ...
    def __getitem__(self, index: int | slice) -> T | Mapped[S, T]:
        if isinstance(index, slice):
            return Mapped(self._function, self._source[index])
        return self._function(self._source[index])

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[T]:
        return self.since(0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapped) and Vector(self) == Vector(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Mapped({list(self)!r})"
