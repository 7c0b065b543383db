#!/usr/bin/env python3
"""What bench/bounds measured as pictures: build/bench/bounds.json into docs/figures/bounds-*.svg."""

import argparse
import json
import pathlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402: after the choice of what draws

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONTENDERS = ("no control", "PI (paper)", "ours, alone", "ours")
plt.rcParams.update({"font.size": 8, "svg.fonttype": "none", "svg.hashsalt": "vedette", "axes.spines.top": False,
                     "axes.spines.right": False, "legend.frameon": False})


def save(figure, folder, name):
    figure.tight_layout()
    figure.savefig(folder / f"bounds-{name}.svg", metadata={"Date": None})
    plt.close(figure)


def steps(results, folder):
    """Latency and F1 of one camera while the channel loses nine tenths of its rate each twenty seconds."""
    for frames in results.get("series", {}).values():
        figure, axes = plt.subplots(2, 1, figsize=(7, 4), sharex=True)
        for contender in ("no control", "PI (paper)", "ours"):
            rows = [row for row in frames.get(contender, []) if 20 <= row[0] < 80]
            axes[0].plot([row[0] for row in rows], [row[1] for row in rows], linewidth=0.8, label=contender)
            axes[1].plot([row[0] for row in rows], [row[2] for row in rows], linewidth=0.8, label=contender)
        axes[0].axhline(100, color="black", linewidth=0.6, linestyle=":")
        axes[0].set(yscale="log", ylabel="latency, ms", title="a tenth of the rate from 30 to 40 s, 50 to 60 s, …; 2,000 ms: it never came")
        axes[0].legend(ncols=3)
        axes[1].set(ylabel="F1 of what is sent", xlabel="seconds")
        save(figure, folder, "steps")
        return


def cameras(results, folder):
    """The paper's Figures 13 and 14: one to five cameras on 802.11ac."""
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.6))
    for contender in CONTENDERS:
        counts, held, loss = [], [], []
        for n in range(1, 6):
            row = results["scenarios"].get(f"{n} cameras jaad_complex, 802.11ac, 5 fps", {}).get(contender)
            if row is None:
                continue
            counts.append(n)
            held.append(100 * row["held"])
            loss.append(100 * row["f1_loss"])
        axes[0].plot(counts, held, "-o", markersize=3, label=contender)
        axes[1].plot(counts, loss, "-o", markersize=3, label=contender)
    axes[0].set(ylabel="windows with p95 in the bound, %", xlabel="cameras", ylim=(0, 103))
    axes[1].set(ylabel="F1 lost, %", xlabel="cameras", ylim=(0, None))
    axes[0].legend()
    save(figure, folder, "cameras")


def overview(results, folder):
    """Every scenario: how often the bound held, by contender."""
    names = list(results["scenarios"])
    figure, axis = plt.subplots(figsize=(7, 0.16 * len(names) + 1))
    for contender, marker in zip(CONTENDERS, "xs^o", strict=True):
        points = [(100 * results["scenarios"][name][contender]["held"], i) for i, name in enumerate(names)]
        points = [point for point in points if point[0] >= 0]
        axis.plot([x for x, _ in points], [y for _, y in points], marker, markersize=3, label=contender)
    axis.set_yticks(range(len(names)), names, fontsize=5)
    axis.invert_yaxis()
    axis.axvline(99, color="black", linewidth=0.6, linestyle=":")
    axis.set(xlabel="feasible ten-second windows with p95 in the bound, %")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    save(figure, folder, "overview")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", default=ROOT / "build/bench/bounds.json")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "docs/figures")
    arguments = parser.parse_args()
    results = json.loads(pathlib.Path(arguments.results).read_text())
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for draw in (steps, cameras, overview):
        draw(results, arguments.folder)


if __name__ == "__main__":
    main()
