# shellcheck shell=bash
# Building. Objects are shared between clones and presets by ccache; paths below the root are kept relative for that.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-1}"

# build PRESET [TARGET…]: configures when the presets changed, then builds what is not up to date.
build() {
  local preset="$1" folder="build/$1" stamp="build/$1/.presets"
  shift
  [[ $preset == fuzz && $# -eq 0 ]] && set -- fuzzers
  if [[ ! -r $folder/build.ninja ]] || ! cmp -s CMakePresets.json "$stamp"; then
    step "configure $preset" "into $folder"
    local log="build/configure-$preset.log"
    mkdir -p build
    cmake --preset "$preset" >"$log" 2>&1 || {
      cat "$log" >&2
      die "cmake refused the preset $preset"
    }
    cp CMakePresets.json "$stamp"
  fi
  step "build $preset" "what is not up to date in $folder"
  local -a ninja=(ninja -C "$folder" -k 0 -j "${VEDETTE_JOBS:-$(nproc)}" "$@")
  # A person sees it count; a log gets only the end.
  if [[ -t 1 ]]; then "${ninja[@]}"; else "${ninja[@]}" | tail -n 25; fi
}

# venv NAME REQUIREMENTS: a Python environment in build/venv-NAME that holds exactly the requirements file.
venv() {
  local folder="build/venv-$1" requirements="$2"
  cmp -s "$requirements" "$folder/.requirements" && return
  step "Python for $1" "$requirements into $folder"
  rm -rf "$folder"
  mkdir -p build
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q --disable-pip-version-check -r "$requirements" || die "pip could not install $requirements"
  cp "$requirements" "$folder/.requirements"
}
