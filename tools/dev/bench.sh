# shellcheck shell=bash
# The benchmarks. A bench prints a table and writes JSON to the file that --json names. bench/NAME.cc is built as bench_NAME;
# bench/NAME.py runs in an environment of bench/requirements.txt, which holds the peers that we measure against.

run_benches() {
  install_packages build bench
  fetch_onnxruntime
  build release
  if [[ -r bench/requirements.txt ]]; then venv bench bench/requirements.txt; fi
  mkdir -p build/bench
  local -a names=("$@")
  local source name failed=0
  if [[ ${#names[@]} -eq 0 ]]; then
    for source in build/release/bench/bench_* bench/[!_]*.py; do
      [[ -f $source ]] || continue
      [[ $source == *.py || -x $source ]] || continue
      name="${source##*/}"
      name="${name#bench_}"
      names+=("${name%.py}")
    done
  fi
  for name in "${names[@]}"; do
    step "bench $name" "the table below, and build/bench/$name.json"
    local -a line
    if [[ -x build/release/bench/bench_$name ]]; then
      line=("build/release/bench/bench_$name")
    elif [[ -r bench/$name.py ]]; then
      line=(build/venv-bench/bin/python "bench/$name.py")
    else
      die "there is no benchmark '$name'"
    fi
    VEDETTE_BIN="$root/build/release/vedette" VEDETTE_SAMPLE="$(sample_video)" "${line[@]}" --json "build/bench/$name.json" || {
      note "$name failed"
      failed=1
    }
  done
  return "$failed"
}
