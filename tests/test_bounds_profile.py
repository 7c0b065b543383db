"""`vedette bounds profile|show` on the sample video: a table, its plot, going on, and what is refused."""

import csv
import json

COLUMNS = ["id", "name", "bytes_mean", "bytes_p95", "f1", "cost_ms", "infer_ms", "frames_kept", "kept", "live"]
FEW = ["--frames", "4", "--every", "30"]


def rows(table):
    with open(table, newline="") as file:
        reader = csv.DictReader(file)
        found = {int(row["id"]): row for row in reader}
        assert reader.fieldnames == COLUMNS
    return found


def profile(vedette, people, sample, ids, *more):
    return vedette("bounds", "profile", "--app", people, "--source", sample, "--out", "t.csv", "--ids", ids, *FEW, *more)


def test_table_plot_and_front(vedette, people, sample, tmp_path):
    done = profile(vedette, people, sample, "0,1100,2000,R4+C2+E4,R4+E6")
    assert done.returncode == 0, done.stderr
    table = rows(tmp_path / "t.csv")
    assert sorted(table) == [0, 1100, 2000, 9100, 14000]
    assert float(table[0]["f1"]) > 0.9
    sizes = {i: float(row["bytes_mean"]) for i, row in table.items()}
    assert sizes[0] > sizes[1100] > sizes[2000] > sizes[9100] > 0
    assert all(float(row["cost_ms"]) > 0 and float(row["infer_ms"]) > 0 for row in table.values())
    assert all(row["frames_kept"] == "4" for row in table.values())
    plot = (tmp_path / "t.csv.svg").read_text()
    assert plot.startswith("<svg ") and plot.count("<circle") >= 5
    made_of = json.loads((tmp_path / "t.csv.json").read_text())
    assert made_of["frames"] == 4 and made_of["truth"] == "untouched frames"

    shown = vedette("bounds", "show", "t.csv", "--everything")
    assert shown.returncode == 0 and "R3,C2,K1,D1,F1" in shown.stdout
    front = vedette("bounds", "show", "t.csv", "--least-f1", "0")
    assert 0 < len(front.stdout.splitlines()) <= len(shown.stdout.splitlines())


def test_goes_on_where_it_was(vedette, people, sample, tmp_path):
    assert profile(vedette, people, sample, "0").returncode == 0
    first = rows(tmp_path / "t.csv")[0]
    done = profile(vedette, people, sample, "0,2000")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 combinations are already in" in done.stderr
    table = rows(tmp_path / "t.csv")
    assert table[0] == first and 2000 in table


def test_other_frames_do_not_get_into_a_table(vedette, people, sample, tmp_path):
    assert profile(vedette, people, sample, "2000").returncode == 0
    done = vedette("bounds", "profile", "--app", people, "--source", sample, "--out", "t.csv", "--ids", "0",
                   "--frames", "3", "--every", "30")
    assert done.returncode == 64 and "was made with frames 4" in done.stderr


def test_truth_is_counted(vedette, people, sample, tmp_path):
    # One person that is there, and one that nobody will ever find, in the sample's first frame.
    (tmp_path / "gt.txt").write_text("1,1,499,158,31,76,1,-1,-1,-1\n1,2,0,0,5,5,1,-1,-1,-1\n")
    done = profile(vedette, people, sample, "0", "--truth", "gt.txt")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "t.csv.json").read_text())["f1_untouched"] < 1


def test_refuses(vedette, people, sample, tmp_path):
    assert "there is no such value (R1 to R5)" in profile(vedette, people, sample, "R9").stderr
    assert profile(vedette, people, sample, "R=800x450").returncode == 64
    assert profile(vedette, people, tmp_path / "none.mp4", "0").returncode == 66
    (tmp_path / "none.txt").write_text("900,1,1,1,5,5,1\n")
    assert "no box in the frames" in profile(vedette, people, sample, "0", "--truth", "none.txt").stderr
    (tmp_path / "t.csv").write_text("hello\n")
    done = profile(vedette, people, sample, "0")
    assert done.returncode == 65 and "t.csv:1" in done.stderr
    assert (tmp_path / "t.csv").read_text() == "hello\n"
    assert vedette("bounds", "show", "nowhere.csv").returncode == 66
