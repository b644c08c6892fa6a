"""Notes as C2SP writes them: the specifications' own examples, and every byte that is not as it has to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.checkpoint import (
    WITNESS_KEY,
    Checkpoint,
    NoteError,
    SignatureLine,
    Signer,
    VerifierKey,
    cosigned_at,
    decode_base64,
    sign_checkpoint,
)

# The example of C2SP tlog-cosignature; the vkeys of its two keys are not published, their ids are.
EXAMPLE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeM"
    "cTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"
    "mbIUBkBIfZ+qnA==\n"
)
# Of Go's golang.org/x/mod/sumdb/note, whose documentation prints this pair.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

LOG = Signer("log.example/record", bytes(range(32)))
WITNESS = Signer("witness.example/w1", bytes(range(1, 33)), WITNESS_KEY)
NOTE = sign_checkpoint(LOG, 7, bytes(32))


def test_the_specifications_example_is_read_and_written_back() -> None:
    checkpoint = Checkpoint.parse(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert str(checkpoint) == EXAMPLE
    assert cosigned_at(checkpoint.signatures[1]) == 1679315147


def test_the_published_key_pair_of_gos_notes_is_read() -> None:
    signer = Signer.parse(PETER_PRIVATE)
    assert str(signer.verifier) == PETER
    assert signer.private_text() == PETER_PRIVATE
    assert str(VerifierKey.parse(PETER)) == PETER


def test_a_published_note_of_gos_verifies() -> None:
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    VerifierKey.parse(PETER).verify(text, SignatureLine.parse(line))


def test_a_signed_and_cosigned_checkpoint_holds() -> None:
    both = NOTE.with_signatures([WITNESS.cosign(NOTE.body, 1_700_000_000)])
    again = Checkpoint.parse(str(both))
    again.verify(LOG.verifier)
    (line,) = again.cosignatures([WITNESS.verifier])
    assert cosigned_at(line) == 1_700_000_000


def test_who_is_not_known_is_passed_over_and_who_is_missing_missed() -> None:
    assert NOTE.cosignatures([WITNESS.verifier]) == []
    with pytest.raises(NoteError):
        NOTE.verify(Signer("log.example/record", bytes(32)).verifier)
    with pytest.raises(NoteError):
        NOTE.verify(Signer("other.example/record", bytes(range(32))).verifier)


def test_a_false_cosignature_of_a_known_witness_spoils_the_note() -> None:
    false = WITNESS.cosign(NOTE.body.replace("7", "8"), 1)
    with pytest.raises(NoteError):
        NOTE.with_signatures([false]).cosignatures([WITNESS.verifier])


def test_a_witness_key_does_not_speak_for_the_log() -> None:
    """The same seed and name under the other kind of key: its id, and what it signs, are different."""
    turncoat = Signer(LOG.name, LOG.seed, WITNESS_KEY)
    note = Checkpoint(LOG.name, 7, bytes(32)).with_signatures([turncoat.cosign(NOTE.body, 1)])
    with pytest.raises(NoteError):
        note.verify(LOG.verifier)


@given(st.integers(0, len(str(NOTE).encode()) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_can_be_changed(place: int, change: int) -> None:
    altered = bytearray(str(NOTE).encode())
    altered[place] ^= change
    try:
        text = altered.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(NoteError):
        Checkpoint.parse(text).verify(LOG.verifier)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "-1"),
        EXAMPLE.replace("20852163", "٢"),
        EXAMPLE.replace("20852163", str(2**63)),
        EXAMPLE.replace("20852163\n", "20852163\nmore\n"),
        EXAMPLE.replace("2I=\n", "2J=\n"),  # the same bytes, spelt otherwise
        EXAMPLE.replace("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "CsUY"),
        EXAMPLE.replace("example.com/behind", "example.com behind"),
        EXAMPLE.replace("\n\n", "\n"),
        EXAMPLE[:-1],
        EXAMPLE + "\n",
        EXAMPLE.replace("— ", "- "),
        EXAMPLE.replace("— ", "—"),
        EXAMPLE.partition("\n\n")[0] + "\n\n",
        EXAMPLE.replace("\n", "\r\n"),
        EXAMPLE + "— a\x00b AAAAAAAA\n",
        EXAMPLE * 500,
    ],
)
def test_what_is_not_a_checkpoint_is_not_read(note: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(note)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a+b",
        "a+00000000+AAAA",
        PETER.replace("c74f", "c74e"),
        PETER.replace("Peter", "Paul"),
        PETER[:-4],
        "x" + PETER,
    ],
)
def test_what_is_not_a_key_is_not_read(key: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(key)
    with pytest.raises(NoteError):
        Signer.parse("PRIVATE+KEY+" + key)


@pytest.mark.parametrize("text", ["AA", "AA=", "AB==", "A A=", "AA==\n", "é"])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(NoteError):
        decode_base64(text)


def test_a_private_key_does_not_show_itself() -> None:
    assert LOG.seed.hex() not in repr(LOG)
    assert "\\x01\\x02" not in repr(LOG)
