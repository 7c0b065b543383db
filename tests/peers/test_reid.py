"""The `reid` module against ONNX Runtime in Python with OpenCV's cropping, scaling and normalising: the same embeddings of the same
objects, the same identity of each, on frames of the sample video and template images cut from it.

In grey all that is left to differ is rounding. In colour the peer's crop has the colours of whole pixels, while ours keeps them as
video has them, one for two by two, which tells a little in crops of 30 × 70.
"""

import json
import math
import os
import pathlib

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")
onnxruntime = pytest.importorskip("onnxruntime")

SAMPLE = pathlib.Path(os.environ.get("VEDETTE_SAMPLE", "/usr/share/doc/opencv-doc/examples/data/vtest.avi"))
TEMPLATES = [0, 40, 80]
ASKED = [100, 140, 180, 220, 260, 300, 340, 380]
THRESHOLD = 0.75
LEAST_COSINE = {"grey": 0.999, "colour": 0.995}
TOLERANCE = {"grey": 0.01, "colour": 0.05}  # of a similarity, which is told with two decimals


class Peer:
    """OSNet as its authors run it: stretched to 128 × 256, RGB, ImageNet's mean and deviation, L2 norm 1."""

    def __init__(self, model):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def embed(self, crop):
        rgb = cv2.cvtColor(cv2.resize(crop.astype(np.float32), (128, 256), interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2RGB)
        tensor = (rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        vector = self.session.run(None, {self.session.get_inputs()[0].name: tensor.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        return vector / np.linalg.norm(vector)


def crop(frame, box):
    """Rounded outwards, clipped, its corner at even coordinates, where the colour samples of video lie."""
    x, y, width, height = box
    left, top = max(0, math.floor(x)) & ~1, max(0, math.floor(y)) & ~1
    return frame[top:math.ceil(y + height), left:math.ceil(x + width)]


def on_a_pixel_border(box):
    """JSON lines give hundredths of a pixel: which way such a side was rounded cannot be told from them."""
    x, y, width, height = box
    return any(abs(side - round(side)) < 0.02 and side != round(side) for side in (x, y, x + width, y + height))


@pytest.fixture(scope="module")
def frames():
    if not SAMPLE.is_file():
        pytest.skip(f"no sample video at {SAMPLE}: install opencv-doc or set VEDETTE_SAMPLE")
    video = cv2.VideoCapture(str(SAMPLE))
    pictures = {}
    for number in range(max(ASKED) + 1):
        good, picture = video.read()
        assert good
        if number in TEMPLATES or number in ASKED:
            pictures[number] = picture
    return pictures


@pytest.fixture(scope="module", params=["grey", "colour"])
def run(request, frames, shared, vedette, tmp_path_factory):
    """What `vedette run` says of the frames, and the peer, and the template images by name."""
    model = shared / "models" / "osnet_x0_25_msmt17.onnx"
    if not model.is_file():
        pytest.skip(f"{model} is missing")
    if request.param == "grey":
        frames = {n: cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for n, f in frames.items()}
    folder = tmp_path_factory.mktemp("reid")
    (folder / "frames").mkdir()
    asked = {}
    for number in ASKED:
        file = str(folder / "frames" / f"{number:04}.jpg")
        cv2.imwrite(file, frames[number], [cv2.IMWRITE_JPEG_QUALITY, 95])
        asked[number] = cv2.imread(file)

    templates = {}
    truth = np.loadtxt(shared / "data" / "mot15" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    for number in TEMPLATES:
        for row in truth[truth[:, 0] == number + 1]:  # frame i of the video is frame i+1 there
            picture = crop(frames[number], row[2:6])
            if picture.shape[0] < 60 or picture.shape[1] < 20:
                continue
            name = f"person-{int(row[1])}"
            (folder / "people" / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / "people" / name / f"{number}.png"), picture)
            templates.setdefault(name, []).append(picture)

    app = folder / "app.yaml"
    app.write_text(f"""application: reid-peer
modules:
  - {{type: decode}}
  - {{type: detect, classes: [person]}}
  - {{type: reid, gallery: "{folder / 'people'}", threshold: {THRESHOLD}, min_height_px: 40}}
  - {{type: jsonl, path: "{folder / 'out.jsonl'}", what: objects, embeddings: true}}
""")
    before = os.environ.get("VEDETTE_MODELS")
    os.environ["VEDETTE_MODELS"] = str(shared / "models")
    try:
        vedette("run", app, "--source", folder / "frames", "--fast", "--console", "off")
    finally:
        os.environ.pop("VEDETTE_MODELS") if before is None else os.environ.update(VEDETTE_MODELS=before)
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [line["sequence"] for line in lines] == list(range(len(ASKED)))
    seen = [(asked[number], item) for number, line in zip(ASKED, lines) for item in line["objects"] if "embedding" in item]
    assert len(seen) >= 3 * len(ASKED)
    return request.param, Peer(model), templates, [(frame, item) for frame, item in seen if not on_a_pixel_border(item["box"])]


def test_embeddings_are_those_of_the_peer(run):
    kind, peer, _, seen = run
    cosines = []
    for frame, item in seen:
        ours = np.array(item["embedding"])
        assert np.linalg.norm(ours) == pytest.approx(1, abs=1e-4)
        cosines.append(float(ours @ peer.embed(crop(frame, item["box"]))))
    print(f"{kind}, {len(cosines)} objects: least cosine {min(cosines):.5f}, mean {np.mean(cosines):.5f}")
    assert len(cosines) >= 2 * len(ASKED)
    assert min(cosines) >= LEAST_COSINE[kind]


def test_the_nearest_identity_is_that_of_the_peer(run):
    kind, peer, templates, seen = run
    tolerance = TOLERANCE[kind]
    known = {name: np.array([peer.embed(picture) for picture in pictures]) for name, pictures in templates.items()}
    named = 0
    for frame, item in seen:
        embedding = peer.embed(crop(frame, item["box"]))
        ranking = sorted(((float((vectors @ embedding).max()), name) for name, vectors in known.items()), reverse=True)
        (best, name), second = ranking[0], ranking[1][0]
        if abs(best - THRESHOLD) > tolerance:
            assert ("attributes" in item) == (best > THRESHOLD), (best, item["box"])
        if "attributes" in item:
            named += 1
            assert float(item["attributes"]["similarity"]) == pytest.approx(best, abs=tolerance)
            if best - second > 2 * tolerance:
                assert item["attributes"]["identity"] == name
    assert named >= len(ASKED)
