"""Which participant a viewer hears in which of the audio lines it offered once, for the whole call."""

from collections.abc import Sequence


def assign(current: Sequence[str | None], camera: str | None, voices: Sequence[str]) -> list[str | None]:
    """New holders of the slots, moving nobody who can stay.

    Slot 0 goes with the picture (its sender shares the media stream, so browsers keep lips in step) and serves
    another voice only while there is no camera to hear and no other slot is free. `voices` are the others whose
    audio may be heard, oldest first; those that find no slot are not heard.
    """
    slots: list[str | None] = [who if who in voices else None for who in current]
    if not slots:
        return slots
    camera = camera if camera in voices else None
    if camera is not None:
        slots = [None if who == camera else who for who in slots]
        displaced, slots[0] = slots[0], camera
        if displaced is not None and None in slots:
            slots[slots.index(None)] = displaced
    for who in voices:
        if who in slots:
            continue
        free = [index for index in range(1, len(slots)) if slots[index] is None]
        if free:
            slots[free[0]] = who
        elif slots[0] is None:
            slots[0] = who
    return slots
