#!/usr/bin/env python3
"""Runs every libFuzzer target for a few seconds and counts those that found nothing.

Seeds of fuzz/NAME_fuzz.cc are named in its line `// seeds: GLOB…` (paths from the root) and the folder fuzz/seeds/NAME, if any.
What a target finds on the way is kept in BUILD/corpus/NAME for the next run; an input that breaks it stays in BUILD/found/.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent


def seeds(source):
    named = re.search(r"^// seeds: (.*)$", source.read_text(), re.MULTILINE)
    files = [file for pattern in (named[1].split() if named else []) for file in ROOT.glob(pattern)]
    return files + list((ROOT / "fuzz" / "seeds" / source.stem.removesuffix("_fuzz")).glob("*"))


def run(source, build, seconds):
    corpus = build / "corpus" / source.stem
    found = build / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(sorted(seeds(source))):
        shutil.copyfile(seed, corpus / f"seed-{number}")
    command = [str(build / "fuzz" / source.stem), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024",
               "-max_len=65536", "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={found}/{source.stem}-", str(corpus)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=seconds * 3 + 60)
        return done.returncode, done.stdout
    except (OSError, subprocess.TimeoutExpired) as trouble:
        return -1, str(trouble)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--counts", type=pathlib.Path, required=True, help="where 'passed failed skipped' is written")
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()

    sources = sorted((ROOT / "fuzz").glob("*_fuzz.cc"))
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda s: run(s, options.build.resolve(), options.seconds), sources)
        for source, (status, output) in zip(sources, results):
            runs = re.search(r"number_of_executed_units: (\d+)", output)
            print(f"    {source.stem:24} {runs[1] if runs else '?':>9} inputs  {'ok' if status == 0 else 'BROKEN'}", flush=True)
            if status != 0:
                failed += 1
                print(output[-6000:])
    options.counts.parent.mkdir(parents=True, exist_ok=True)
    options.counts.write_text(f"{len(sources) - failed} {failed} 0\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
