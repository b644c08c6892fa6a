"""A recording process to be killed: records the clip in real time and says, line by line, what it has been given."""

import sys
import time
from pathlib import Path

from inspection.recording.journal import Journal
from tests.integration.media.clip import encoded
from tests.unit.recording.packets import audio, by_arrival, video


def main(folder: Path) -> None:
    some = by_arrival(video(encoded(), times=20), audio(encoded(), times=20))
    journal = Journal.open(folder, "killed", 0, {}, clock=lambda: some[0].arrival)
    shift = time.monotonic() - some[0].arrival
    for packet in some:
        time.sleep(max(0.0, packet.arrival + shift - time.monotonic()))
        journal.add(packet)
        sys.stdout.write(f"{packet.arrival!r}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
