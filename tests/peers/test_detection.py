"""`vedette eval detection` against pycocotools: on a detector's boxes and on truth that was disturbed with a seed."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

TOLERANCE = 1e-4
STATS = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"]


@pytest.fixture(scope="module")
def truth(shared):
    return shared / "data" / "coco_val_mini" / "annotations" / "instances_val2017.json"


def disturbed(truth, seed):
    """Truth boxes moved, lost, doubled, of another class, with scores that often tie; some boxes on nothing."""
    random = np.random.default_rng(seed)
    content = json.loads(truth.read_text())
    categories = [c["id"] for c in content["categories"]]
    found = []
    for annotation in content["annotations"]:
        for _ in range(random.choice([0, 1, 1, 1, 2])):
            x, y, w, h = annotation["bbox"]
            box = [x + random.normal(0, 0.1) * w, y + random.normal(0, 0.1) * h,
                   w * np.exp(random.normal(0, 0.15)), h * np.exp(random.normal(0, 0.15))]
            category = annotation["category_id"] if random.random() < 0.9 else int(random.choice(categories))
            found.append({"image_id": annotation["image_id"], "category_id": category, "bbox": [float(v) for v in box],
                          "score": float(round(random.beta(3, 2), 2))})
    for image in content["images"]:
        for _ in range(5):
            found.append({"image_id": image["id"], "category_id": int(random.choice(categories)),
                          "bbox": [float(v) for v in random.uniform(5, 200, 4)], "score": float(round(random.beta(2, 3), 2))})
    return found


def detected(truth, shared):
    """COCO-SSD's boxes of the images, by ONNX Runtime in Python, without NMS: many boxes on one thing are what tries the matching."""
    cv2 = pytest.importorskip("cv2")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = shared / "models" / "cocossd_300_from_npm.onnx"
    if not model.exists():
        pytest.skip(f"{model} is missing")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    content = json.loads(truth.read_text())
    categories = {c["id"] for c in content["categories"]}
    found = []
    for image in content["images"]:
        picture = cv2.imread(str(truth.parents[1] / "val2017" / image["file_name"]))
        height, width = picture.shape[:2]
        tensor = cv2.cvtColor(cv2.resize(picture, (300, 300)), cv2.COLOR_BGR2RGB).astype(np.float32)[None]
        outputs = session.run(None, {session.get_inputs()[0].name: tensor})
        boxes, scores = sorted(outputs, key=lambda o: o.ndim, reverse=True)
        boxes, scores = boxes.reshape(-1, 4), scores.reshape(-1, 90)
        for anchor, column in zip(*np.where(scores > 0.2)):
            top, left, bottom, right = (float(v) for v in boxes[anchor] * [height, width, height, width])
            if int(column) + 1 in categories:
                found.append({"image_id": image["id"], "category_id": int(column) + 1,
                              "bbox": [left, top, right - left, bottom - top], "score": float(scores[anchor, column])})
    return found


@pytest.mark.parametrize("source", ["detector", "seed 1", "seed 2", "seed 3", "nothing in most images"])
def test_agrees_with_pycocotools(source, truth, shared, vedette, tmp_path):
    if source == "detector":
        found = detected(truth, shared)
    elif source.startswith("seed"):
        found = disturbed(truth, int(source.split()[1]))
    else:
        found = disturbed(truth, 4)[:20]
    assert found
    result = tmp_path / "result.json"
    result.write_text(json.dumps(found))
    ours = vedette.evaluate("detection", "--truth", truth, "--result", result)

    with contextlib.redirect_stdout(io.StringIO()):
        peer_truth = COCO(str(truth))
        peer = COCOeval(peer_truth, peer_truth.loadRes(str(result)), "bbox")
        peer.evaluate()
        peer.accumulate()
        peer.summarize()
    assert {k: ours[k] for k in STATS} == pytest.approx(dict(zip(STATS, map(float, peer.stats))), abs=TOLERANCE)

    # F1 at IoU 0.5 from the peer's own matching, for which 100 boxes an image and class were enough.
    hits = wrong = truths = 0
    for cell in peer.evalImgs:
        if cell is None or cell["aRng"] != peer.params.areaRng[0]:
            continue
        matched, ignored = cell["dtMatches"][0] > 0, cell["dtIgnore"][0].astype(bool)
        hits += int((matched & ~ignored).sum())
        wrong += int((~matched & ~ignored).sum())
        truths += int((np.asarray(cell["gtIgnore"]) == 0).sum())
    if max(len(cell["dtIds"]) for cell in peer.evalImgs if cell) < 100:
        assert ours["f1"] == pytest.approx(2 * hits / (hits + wrong + truths), abs=TOLERANCE)
        assert (ours["true_positives"], ours["false_positives"]) == (hits, wrong)
