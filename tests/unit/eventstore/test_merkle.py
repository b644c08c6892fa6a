"""The tree against the reference vectors of the certificate-transparency project, and against itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Node,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# Leaves and roots of google/certificate-transparency, merkletree/merkle_tree_test.cc.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(f"leaf {number}".encode()) for number in range(size)]


def reader(leaves: list[bytes]) -> Callable[[Node], bytes]:
    def read(node: Node) -> bytes:
        height, index = node
        below = leaves[index << height : (index + 1) << height]
        assert len(below) == 1 << height, "only complete subtrees are asked for"
        return tree_root(below)

    return read


def grown(leaves: list[bytes]) -> CompactRange:
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def test_the_empty_tree_has_the_published_root() -> None:
    assert CompactRange().root() == tree_root([]) == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_the_reference_leaves_give_the_reference_roots(size: int) -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert grown(leaves).root().hex() == tree_root(leaves).hex() == ROOTS[size - 1]


def test_the_reference_proofs_are_made() -> None:
    """From the same test: inclusion of leaf 5 in 8 and of 2 in 3, consistency of 6 with 8 and of 2 with 5."""
    read = reader([leaf_hash(leaf) for leaf in LEAVES])
    assert [each.hex() for each in inclusion_proof(5, 8, read)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ]
    assert [each.hex() for each in inclusion_proof(2, 3, read)] == [ROOTS[1]]
    assert [each.hex() for each in consistency_proof(6, 8, read)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ]
    assert [each.hex() for each in consistency_proof(2, 5, read)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@pytest.mark.parametrize("size", range(1, 9))
def test_every_proof_of_a_small_tree_holds_and_no_other_place_fits(size: int) -> None:
    leaves = hashes(size)
    read, root = reader(leaves), tree_root(leaves)
    for index in range(size):
        proof = inclusion_proof(index, size, read)
        verify_inclusion(leaves[index], index, size, proof, root)
        for other in set(range(-1, size + 1)) - {index}:
            refused(verify_inclusion, leaves[index], other, size, proof, root)
    for old in range(size + 1):
        verify_consistency(old, size, consistency_proof(old, size, read), tree_root(leaves[:old]), root)


def refused(check: Callable[..., None], *facts: object) -> None:
    with pytest.raises(ProofError):
        check(*facts)


def damaged(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """Each node altered, dropped, doubled; neighbours swapped; one more at either end."""
    bit = data.draw(st.integers(0, 255))
    all_of_them = [[*proof, bytes(32)], [bytes(32), *proof], [*proof, *proof[-1:]] if proof else [bytes(32)]]
    for place, node in enumerate(proof):
        altered = bytearray(node)
        altered[bit // 8] ^= 1 << bit % 8
        all_of_them += [
            [*proof[:place], bytes(altered), *proof[place + 1 :]],
            [*proof[:place], *proof[place + 1 :]],
            [*proof[:place], node[:-1], *proof[place + 1 :]],
            [*proof[:place], node, node, *proof[place + 1 :]],
        ]
    swaps = [[*proof[:i], proof[i + 1], proof[i], *proof[i + 2 :]] for i in range(len(proof) - 1)]
    return all_of_them + swaps


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 300))
def test_inclusion_is_shown_and_every_damaged_proof_refused(data: st.DataObject, size: int) -> None:
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    root = tree_root(leaves)
    proof = inclusion_proof(index, size, reader(leaves))
    verify_inclusion(leaves[index], index, size, proof, root)
    for wrong in damaged(proof, data):
        refused(verify_inclusion, leaves[index], index, size, wrong, root)
    refused(verify_inclusion, node_hash(root, root), index, size, proof, root)
    refused(verify_inclusion, leaves[index], index, size, proof, leaf_hash(root))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 300))
def test_consistency_is_shown_and_every_damaged_proof_refused(data: st.DataObject, size: int) -> None:
    leaves = hashes(size)
    old = data.draw(st.integers(0, size))
    old_root, root = tree_root(leaves[:old]), tree_root(leaves)
    proof = consistency_proof(old, size, reader(leaves))
    verify_consistency(old, size, proof, old_root, root)
    for wrong in damaged(proof, data):
        refused(verify_consistency, old, size, wrong, old_root, root)
    refused(verify_consistency, old, size, proof, leaf_hash(old_root), root)
    if old:  # the empty tree is the beginning of every tree
        refused(verify_consistency, old, size, proof, old_root, leaf_hash(root))
    refused(verify_consistency, size + 1, size, proof, old_root, root)
    refused(verify_consistency, -1, size, proof, old_root, root)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 300), st.data())
def test_a_tree_with_another_past_is_not_consistent(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    old = data.draw(st.integers(1, size))
    forked = [leaf_hash(b"other"), *leaves[1:]]
    proof = consistency_proof(old, size, reader(forked))
    refused(verify_consistency, old, size, proof, tree_root(leaves[:old]), tree_root(forked))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300))
def test_a_range_grown_in_two_steps_is_the_range_grown_in_one(first: int, more: int) -> None:
    leaves = hashes(first + more)
    tree = grown(leaves[:first])
    again = tree.copy()
    completed: dict[Node, bytes] = {}
    for leaf in leaves[first:]:
        again.append(leaf, completed.__setitem__)
    assert (tree.size, tree.root()) == (first, tree_root(leaves[:first]))
    assert (again.size, again.root()) == (first + more, tree_root(leaves))
    read = reader(leaves)
    assert all(read(node) == value for node, value in completed.items())


def test_a_range_is_not_made_from_the_wrong_number_of_roots() -> None:
    with pytest.raises(ValueError, match="bits"):
        CompactRange(3, [bytes(32)])
