"""kill -9 in the middle of a recording: what was there two seconds before is there afterwards, and verifies."""

import subprocess
import sys
from pathlib import Path

import av

from inspection.recording.mux import derive
from inspection.recording.recover import recover, verify
from tests.unit.recording.packets import START


def test_a_killed_recorder_loses_at_most_two_seconds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.media.recording_child", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        given = START
        for line in child.stdout:
            given = float(line)
            if given >= START + 3:
                break
        child.kill()

    [found] = recover(tmp_path)
    assert found.seal is not None
    assert found.seal.recovered
    assert found.report.verified > 0  # the part that was bound before the kill
    assert found.seal.last is not None
    assert given - found.seal.last <= 2
    assert verify(found.path, found.seal.head).ok

    made = derive(found.path, tmp_path / "play")
    with av.open(made.path) as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) == made.video_frames
    assert made.seconds >= 1
