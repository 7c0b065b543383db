"""The same application as a Python developer would write it: OpenCV decodes, ONNX Runtime infers, supervision's ByteTrack tracks.

    _peer_stack.py VIDEO MODEL.onnx OUT.txt THREADS

NanoDet's post-processing is vectorised NumPy; class-wise suppression is supervision's.
"""

import sys
import time

import cv2
import numpy as np
import onnxruntime
import supervision

SIZE = 320
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
STD = np.array([57.375, 57.12, 58.395], np.float32)
STRIDES = (8, 16, 32)
BINS = np.arange(11, dtype=np.float32)
SCORE, OVERLAP, PERSON = 0.1, 0.6, 0


def preprocess(image):
    height, width = image.shape[:2]
    scale = SIZE / max(height, width)
    new_width, new_height = round(width * scale), round(height * scale)
    left, top = (SIZE - new_width) // 2, (SIZE - new_height) // 2
    canvas = np.zeros((SIZE, SIZE, 3), np.uint8)
    canvas[top:top + new_height, left:left + new_width] = cv2.resize(image, (new_width, new_height))
    tensor = ((canvas.astype(np.float32) - MEAN) / STD).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(tensor), scale, left, top


def postprocess(outputs, scale, left, top):
    boxes, scores = [], []
    for stride, classes, distances in zip(STRIDES, outputs[:3], outputs[3:]):
        score = classes[0, :, PERSON]
        keep = np.flatnonzero(score >= SCORE)
        side = SIZE // stride
        logits = distances[0, keep].reshape(-1, 4, 11)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        reach = (weights * BINS).sum(-1) / weights.sum(-1) * stride
        x, y = (keep % side + 0.5) * stride, (keep // side + 0.5) * stride
        boxes.append(np.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], 1))
        scores.append(score[keep])
    xyxy = (np.concatenate(boxes) - [left, top, left, top]) / scale
    found = supervision.Detections(xyxy=xyxy, confidence=np.concatenate(scores), class_id=np.zeros(len(xyxy), int))
    return found.with_nms(OVERLAP)


def main():
    video, model, out, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    order = sorted((output.name for output in session.get_outputs()), key=lambda n: (n.startswith("box"), int(n[3:])))
    tracker = supervision.ByteTrack(track_activation_threshold=0.45, lost_track_buffer=60, minimum_matching_threshold=0.9, frame_rate=30)
    capture = cv2.VideoCapture(video)
    frames, began = 0, time.monotonic()
    with open(out, "w") as file:
        while True:
            ok, image = capture.read()
            if not ok:
                break
            tensor, scale, left, top = preprocess(image)
            tracked = tracker.update_with_detections(postprocess(session.run(order, {name: tensor}), scale, left, top))
            frames += 1
            for (x1, y1, x2, y2), score, identity in zip(tracked.xyxy, tracked.confidence, tracked.tracker_id):
                file.write(f"{frames},{identity},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f},-1,-1,-1\n")
    print(frames, time.monotonic() - began)


main()
