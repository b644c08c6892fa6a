"""Who is heard on which line."""

from hypothesis import given
from hypothesis import strategies as st

from inspection.media.slots import assign


def test_the_voice_beside_the_picture_is_the_cameras() -> None:
    assert assign([None, None], "applicant", ["inspector", "applicant"]) == ["applicant", "inspector"]


def test_without_a_camera_the_first_line_serves_when_the_others_are_taken() -> None:
    assert assign([None, None], None, ["a", "b", "c"]) == ["b", "a"]
    assert assign([None], None, ["a"]) == ["a"]


def test_a_camera_that_comes_later_takes_its_line_and_the_other_moves() -> None:
    assert assign(["a", None], "camera", ["a", "camera"]) == ["camera", "a"]
    assert assign(["a"], "camera", ["a", "camera"]) == ["camera"]


def test_who_leaves_frees_the_line_and_nobody_else_moves() -> None:
    assert assign(["camera", "a", "b"], "camera", ["camera", "b"]) == ["camera", None, "b"]
    assert assign(["camera", None, "b"], "camera", ["camera", "b", "c"]) == ["camera", "c", "b"]


people = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(st.integers(0, 5), st.lists(st.tuples(people, st.sampled_from("abcdefghz")), max_size=6))
def test_lines_are_filled_as_far_as_they_go_and_nobody_is_heard_twice(
    size: int, turns: list[tuple[list[str], str]]
) -> None:
    slots: list[str | None] = [None] * size
    for voices, camera in turns:
        before = slots
        slots = assign(slots, camera, voices)
        heard = [who for who in slots if who is not None]
        assert len(slots) == size
        assert len(set(heard)) == len(heard)
        assert set(heard) <= set(voices)
        assert len(heard) == min(size, len(voices))
        if camera in voices and size:
            assert slots[0] == camera
        stayed = [i for i in range(1, size) if before[i] in voices and before[i] != camera]
        assert all(slots[i] == before[i] for i in stayed)
