"""The Merkle tree of RFC 6962 (RFC 9162, section 2.1): hashes, compact range, proofs and their verifiers. Pure.

A node is (height, index): the root of the complete subtree over the leaves [index << height, (index + 1) << height).
Only complete subtrees are nodes; what else a proof needs is folded from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

Node = tuple[int, int]
ReadNode = Callable[[Node], bytes]

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


class ProofError(ValueError):
    """A proof does not show what it should."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A growing tree, of which only the roots of its complete subtrees are kept: at most one for each bit of size."""

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if len(roots) != size.bit_count():
            raise ValueError("as many roots as the size has bits")
        self.size = size
        self._roots = list(roots)

    def copy(self) -> CompactRange:
        return CompactRange(self.size, self._roots)

    def append(self, leaf: bytes, completed: Callable[[Node, bytes], None] | None = None) -> None:
        """leaf: its hash. `completed` is told every inner node that this leaf completes, from below."""
        index, height = self.size, 0
        while index & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            index >>= 1
            height += 1
            if completed is not None:
                completed((height, index), leaf)
        self._roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        return fold(self._roots)


def fold(roots: Sequence[bytes]) -> bytes:
    """The root over neighbouring complete subtrees that get smaller from left to right."""
    if not roots:
        return EMPTY_ROOT
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The same root by another way, level by level. leaves: their hashes."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]  # a last one without a partner rises as it is
    return level[0]


def complete(first: int, end: int) -> list[Node]:
    """The complete subtrees that make up the leaves [first, end), where `first` is a multiple of what it begins."""
    nodes = []
    while first < end:
        height = (end - first).bit_length() - 1
        nodes.append((height, first >> height))
        first += 1 << height
    return nodes


def _split(size: int) -> int:
    """The largest power of two below size."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_path(index: int, size: int) -> list[list[Node]]:
    """For each hash of the proof the nodes it is folded from; from the leaf to the root (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ProofError("no such leaf")
    path: list[list[Node]] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(complete(middle, end))
            end = middle
        else:
            path.append(complete(first, middle))
            first = middle
    return path[::-1]


def consistency_path(old: int, size: int) -> list[list[Node]]:
    """As above, for the proof that a tree of `old` leaves is the beginning of one of `size` (RFC 6962, 2.1.2)."""
    if not 0 <= old <= size:
        raise ProofError("the older tree is not the smaller one")
    path: list[list[Node]] = []
    first, end = 0, size
    whole = True  # the older tree is all of [first, end) as it was asked for: its root is known already
    while old not in (0, size) and end > old:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(complete(middle, end))
            end = middle
        else:
            path.append(complete(first, middle))
            first, whole = middle, False
    if not whole:
        path.append(complete(first, end))
    return path[::-1]


def read_path(path: Iterable[Sequence[Node]], read: ReadNode) -> list[bytes]:
    return [fold([read(node) for node in nodes]) for nodes in path]


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    return read_path(inclusion_path(index, size), read)


def consistency_proof(old: int, size: int, read: ReadNode) -> list[bytes]:
    return read_path(consistency_path(old, size), read)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162, section 2.1.3.2. leaf: its hash. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError("no such leaf")
    _need_hashes([leaf, root, *proof])
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is too short")
    if found != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """RFC 9162, section 2.1.4.2; from no leaf, or from the same size, the proof is empty. Raises ProofError.

    The empty tree is the beginning of every tree, so from it nothing about the newer root is shown.
    """
    if not 0 <= old <= size:
        raise ProofError("the older tree is not the smaller one")
    _need_hashes([old_root, root, *proof])
    if old in (0, size):
        if proof:
            raise ProofError("the proof is too long")
        if old_root != (EMPTY_ROOT if old == 0 else root):
            raise ProofError("the roots differ")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofError("the proof is too short")
    if _both_roots(old, size, path) != (old_root, root):
        raise ProofError("the proof leads to other roots")


def _both_roots(old: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof is too short")
    return before, after


def _need_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError("not a hash")
