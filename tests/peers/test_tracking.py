"""`vedette eval tracking` against py-motmetrics and TrackEval, on the seven MOT15 sequences with our SORT's and ByteTrack's output.

The two peers differ where CLEAR MOT leaves room: py-motmetrics keeps a pair of the past as long as it overlaps enough (as the
paper has it), TrackEval only one of the frame before. `--clear` chooses whose reading; each is compared with its peer.
"""

import motmetrics
import numpy as np
import pytest
from trackeval.metrics import CLEAR, HOTA, Identity

SEQUENCES = [
    "ADL-Rundle-8", "ETH-Pedcross2", "ETH-Sunnyday", "KITTI-17", "PETS09-S2L1", "TUD-Stadtmitte", "Venice-2",
]
TRACKERS = ["sort", "bytetrack"]
TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=[(s, t) for s in SEQUENCES for t in TRACKERS], ids=lambda p: f"{p[0]}-{p[1]}")
def case(request, shared, vedette, tmp_path_factory):
    sequence, tracker = request.param
    folder = shared / "data" / "mot15" / sequence
    result = tmp_path_factory.mktemp("tracks") / f"{sequence}.txt"
    vedette("eval", "track", "--detections", folder / "det.txt", "--result", result, "--tracker", tracker)
    ours = vedette.evaluate("tracking", "--truth", folder / "gt.txt", "--result", result)
    return folder / "gt.txt", result, ours


def rows_by_frame(path, truth):
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    if truth:
        rows = rows[rows[:, 6] != 0]
    return rows


def ious(a, b):
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    common = np.prod(np.clip(right_bottom - left_top, 0, None), axis=2)
    return common / (np.prod(a[:, 2:], axis=1)[:, None] + np.prod(b[:, 2:], axis=1)[None] - common)


def trackeval_data(truth_path, result_path):
    truth, result = rows_by_frame(truth_path, True), rows_by_frame(result_path, False)
    truth_ids, truth_index = np.unique(truth[:, 1], return_inverse=True)
    result_ids, result_index = np.unique(result[:, 1], return_inverse=True)
    frames = range(1, int(max(truth[:, 0].max(), result[:, 0].max())) + 1)
    in_truth = [truth[:, 0] == f for f in frames]
    in_result = [result[:, 0] == f for f in frames]
    return {
        "num_timesteps": len(frames),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(result),
        "num_gt_ids": len(truth_ids),
        "num_tracker_ids": len(result_ids),
        "gt_ids": [truth_index[m] for m in in_truth],
        "tracker_ids": [result_index[m] for m in in_result],
        "similarity_scores": [ious(truth[t][:, 2:6], result[r][:, 2:6]) for t, r in zip(in_truth, in_result)],
    }


def test_agrees_with_motmetrics(case):
    truth_path, result_path, ours = case
    truth = motmetrics.io.loadtxt(truth_path, fmt="mot15-2D", min_confidence=1)
    result = motmetrics.io.loadtxt(result_path, fmt="mot15-2D")
    accumulator = motmetrics.utils.compare_to_groundtruth(truth, result, "iou", distth=0.5)
    names = motmetrics.metrics.motchallenge_metrics
    peer = motmetrics.metrics.create().compute(accumulator, metrics=names, name="s").loc["s"]
    pairs = {
        "mota": peer["mota"], "motp": 1 - peer["motp"], "idf1": peer["idf1"], "idp": peer["idp"], "idr": peer["idr"],
        "precision": peer["precision"], "recall": peer["recall"], "switches": peer["num_switches"],
        "fragmentations": peer["num_fragmentations"], "mostly_tracked": peer["mostly_tracked"],
        "partly_tracked": peer["partially_tracked"], "mostly_lost": peer["mostly_lost"],
        "false_positives": peer["num_false_positives"], "misses": peer["num_misses"], "truth_ids": peer["num_unique_objects"],
    }
    assert {k: ours[k] for k in pairs} == pytest.approx({k: float(v) for k, v in pairs.items()}, abs=TOLERANCE)


def test_agrees_with_trackeval(case, vedette):
    truth_path, result_path, ours = case
    data = trackeval_data(truth_path, result_path)
    hota = HOTA().eval_sequence(data)
    identity = Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    pairs = {
        "hota": hota["HOTA"].mean(), "deta": hota["DetA"].mean(), "assa": hota["AssA"].mean(), "loca": hota["LocA"].mean(),
        "idf1": identity["IDF1"], "idp": identity["IDP"], "idr": identity["IDR"],
    }
    assert {k: ours[k] for k in pairs} == pytest.approx({k: float(v) for k, v in pairs.items()}, abs=TOLERANCE)

    clear = CLEAR({"PRINT_CONFIG": False}).eval_sequence(data)
    ours = vedette.evaluate("tracking", "--truth", truth_path, "--result", result_path, "--clear", "trackeval")
    pairs = {
        "mota": clear["MOTA"], "motp": clear["MOTP"], "precision": clear["CLR_Pr"], "recall": clear["CLR_Re"], "f1": clear["CLR_F1"],
        "switches": clear["IDSW"], "fragmentations": clear["Frag"], "mostly_tracked": clear["MT"], "partly_tracked": clear["PT"],
        "mostly_lost": clear["ML"], "false_positives": clear["CLR_FP"], "misses": clear["CLR_FN"],
    }
    assert {k: ours[k] for k in pairs} == pytest.approx({k: float(v) for k, v in pairs.items()}, abs=TOLERANCE)
