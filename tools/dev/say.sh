# shellcheck shell=bash
# How ./dev talks: one line a step, saying what and why.
if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

step() { printf '%s==> %s%s: %s\n' "$bold" "$1" "$plain" "$2"; }
note() { printf '    %s\n' "$*"; }
die() {
  printf './dev: %s\n' "$*" >&2
  exit 1
}
