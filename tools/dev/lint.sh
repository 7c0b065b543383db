# shellcheck shell=bash
# What is checked without running the program.

venv_tools() { venv tools tools/requirements.txt; }

cpp_files() { find src fuzz bench tests -name node_modules -prune -o \( -name '*.cc' -o -name '*.h' \) -print | sort; }

# format [--check]: lays out all C++ and, where its packages are installed, the web console.
format() {
  install_packages build
  venv_tools
  local check="${1:-}"
  local -a clang_format=(-i) prettier=(--write)
  if [[ $check == --check ]]; then
    clang_format=(--dry-run -Werror)
    prettier=(--check)
  fi
  step "format" "clang-format${check:+ (only looking)}"
  cpp_files | xargs -n 20 -P "$(nproc)" build/venv-tools/bin/clang-format "${clang_format[@]}"
  if [[ -x web/node_modules/.bin/prettier ]]; then
    step "format" "prettier${check:+ (only looking)}"
    (cd web && node_modules/.bin/prettier --log-level warn "${prettier[@]}" .)
  fi
}

# lint: every check, each counted as one test; fails when any did.
lint() {
  install_packages build
  fetch_onnxruntime
  venv_tools
  local python=build/venv-tools/bin/python
  [[ -r build/release/compile_commands.json ]] || build release
  check "format" format --check
  check "tools" "$python" -m unittest discover -q -s tools -p '*_test.py'
  check "floors" "$python" tools/check_floors.py
  check "tree" "$python" tools/check_tree.py
  check "shellcheck" build/venv-tools/bin/shellcheck -x dev .ci/run
  if [[ -x build/release/vedette && -r docs/modules.md ]]; then
    check "docs/modules.md is current" diff <(build/release/vedette modules --markdown) docs/modules.md
  fi
  check "clang-tidy" "$python" tools/tidy.py --build build/release
  [[ ${lint_failed:-0} -eq 0 ]]
}

# check NAME COMMAND…: runs a check as a test of that name.
check() {
  local name="$1"
  shift
  step "lint" "$name"
  if "$@"; then
    record "lint: $name" 1 0 0
  else
    record "lint: $name" 0 1 0
    lint_failed=1
  fi
}
