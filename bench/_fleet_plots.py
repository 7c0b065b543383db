#!/usr/bin/env python3
"""Figures 4-9 of paper 001 from what bench/fleet.py measured: build/bench/fleet.json into docs/figures/fleet-*.svg."""

import argparse
import json
import pathlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402: after the choice of what draws

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = ("tracking", "roi", "reid")
GROUPS = ("tracking+reid", "tracking+roi+reid")
plt.rcParams.update({"font.size": 8, "svg.fonttype": "none", "svg.hashsalt": "vedette", "axes.spines.top": False,
                     "axes.spines.right": False, "legend.frameon": False})


def series(result, application, key):
    points = result["applications"][application]["series"]
    return [at["t"] for at in points], [at[key] for at in points]


def smooth(values, window=15):
    """The moving average of the paper's plots."""
    return [sum(values[max(0, i - window + 1):i + 1]) / (i + 1 - max(0, i - window + 1)) for i in range(len(values))]


def save(figure, folder, name):
    figure.tight_layout()
    figure.savefig(folder / f"fleet-{name}.svg", metadata={"Date": None})
    plt.close(figure)


def one_machine(results, folder):
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.6))
    for kind in KINDS:
        if f"B {kind}" in results:
            axes[0].plot(*series(results[f"B {kind}"], kind, "p50"), label=kind)
    axes[0].set(title="one application (Figure 4)", ylabel="median latency, ms", ylim=(0, None))
    for axis, group, figure_number in zip(axes[1:], GROUPS, (5, 6), strict=True):
        for case, style in (("A", "--"), ("B", "-")):
            for kind in group.split("+"):
                if f"{case} {group}" in results:
                    axis.plot(*series(results[f"{case} {group}"], kind, "p50"), style, label=f"{case} {kind}")
        axis.set(title=f"{group.replace('+', ', ')} (Figure {figure_number})", yscale="log")
    for axis in axes:
        axis.set_xlabel("seconds")
        axis.legend(fontsize=6)
    save(figure, folder, "one-machine")


def two_machines(results, folder):
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.6), sharey=True)
    for axis, group in zip(axes, GROUPS, strict=True):
        if f"C {group}" in results:
            axis.plot(*series(results[f"C {group}"], "reid", "p50"), label="C")
        if f"VideoPipe {group}" in results:
            times, values = series(results[f"VideoPipe {group}"], "reid", "p50")
            axis.plot(times, smooth(values), "--", label="VideoPipe")
        axis.set(title=f"{group.replace('+', ', ')}: reid (Figure 7)", xlabel="seconds", ylim=(0, None))
        axis.legend()
    axes[0].set_ylabel("latency, ms")
    save(figure, folder, "two-machines")


def hops(results, folder):
    parts = ("serialise", "wait", "transfer", "receive")
    figure, axis = plt.subplots(figsize=(5, 2.6))
    group = GROUPS[1]
    if f"C {group}" not in results or f"VideoPipe {group}" not in results:
        return
    base = results[f"VideoPipe {group}"]["hop_ms"]
    bars = {"VideoPipe\ndecode → detect": {**base["decode"], **{k: base["detect"][k] for k in ("transfer", "receive")}},
            "VideoPipe\ndetect → reid": {**base["detect"], **{k: base["reid"][k] for k in ("transfer", "receive")}},
            "C\ndecode → detect": dict.fromkeys(parts, 0), "C\ndetect → reid": results[f"C {group}"]["hop_ms"]}
    left = [0.0] * len(bars)
    for part in parts:
        width = [bar[part] for bar in bars.values()]
        axis.barh(list(bars), width, left=left, label=part)
        left = [a + b for a, b in zip(left, width, strict=True)]
    axis.set(title="what a hop takes (Figure 8)", xlabel="ms")
    axis.legend(fontsize=6)
    save(figure, folder, "hops")


def scaling(results, folder):
    figure, axis = plt.subplots(figsize=(4, 2.6))
    machines = [n for n in (2, 3, 4, 5) if f"{n} machines" in results]
    for kind in ("tracking", "tracked-reid"):
        rows = [[row for name, row in results[f"{n} machines"]["applications"].items() if name.startswith(kind)] for n in machines]
        for key, style in (("p50_ms", "-o"), ("p95_ms", ":^")):
            axis.plot(machines, [max(row[key] for row in at) for at in rows], style, label=f"{kind} {key[:3]}")
    axis.set(title="a camera each (Figure 9)", xlabel="machines", ylabel="latency of the slowest, ms", xticks=machines, ylim=(0, None))
    axis.legend(fontsize=6)
    save(figure, folder, "scaling")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", default=ROOT / "build/bench/fleet.json")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "docs/figures")
    arguments = parser.parse_args()
    results = json.loads(pathlib.Path(arguments.results).read_text())["results"]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for draw in (one_machine, two_machines, hops, scaling):
        draw(results, arguments.folder)


if __name__ == "__main__":
    main()
