"""Thirty applications come, change and go at random on two nodes: nobody else notices, and nothing is left behind.

bench/churn.py does the same with two hundred for ten minutes, and looks at memory, too.
"""

import pytest

from churn import Churn
from churn_eyes import account


def test_changes_at_random_disturb_nobody_and_leave_nothing(binary, sample, tmp_path):
    churn = Churn(binary, tmp_path, sample, applications=30, rate=6)
    try:
        churn.start()
        found = churn.run(seconds=25, cycles=1)
    finally:
        churn.close()
    assert found["faults"] == []
    assert found["changes"] > 0 and found["counts"]["add"] > 0 and found["counts"]["remove"] > 0
    for name, row in found["witnesses"].items():
        assert row["frames"] > 0, f"{name} wrote nothing"
        assert row["doubled"] == 0, f"{name} got a frame twice: {row}"
        assert row["lost"] == 0, f"{name} lost frames: {row}"
    first, last = found["processes"][0], found["processes"][-1]
    for process, before in first.items():
        assert {key: last[process][key] for key in ("threads", "fds")} == {key: before[key] for key in ("threads", "fds")}, process
    assert {name: end["status"] for name, end in found["exits"].items()} == {"control": 0, "east": 0, "west": 0}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([5, 6, 7], {"frames": 3, "lost": 0, "doubled": 0, "gaps": 0}),
        ([5, 8, 9], {"frames": 3, "lost": 2, "doubled": 0, "gaps": 1}),
        ([5, 6, 6, 7], {"frames": 4, "lost": 0, "doubled": 1, "gaps": 0}),
    ],
)
def test_the_account_of_sequence_numbers(tmp_path, numbers, expected):
    path = tmp_path / "some.jsonl"
    path.write_text("".join(f'{{"type":"observation","stream":"yard","sequence":{n},"objects":[]}}\n' for n in numbers) + '{"type":"obse')
    assert account([path]) == expected
