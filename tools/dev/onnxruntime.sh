# shellcheck shell=bash
# ONNX Runtime: Debian 12 has none. The library comes out of the wheel of its Python package, the C and C++ headers out of the
# next Debian's development package; its C interface only ever grows, so older headers fit a newer library
# (docs/decisions/001-onnx-runtime.md). Both are checked against the sums below and laid into .deps/onnxruntime.

readonly ort_version=1.30.0
readonly ort_headers_suite=trixie
readonly ort_headers_sum=1ad2f6f691dbb07c09a265414c15b852c3bc1007ce26d9d9a870bc464eaedecf  # of all headers, in order of name
readonly -A ort_wheel_sums=(
  [x86_64]=fd54b314ea385bcecac69ab431f020ba503e3878dad4ebb645fec5a24b041242
  [aarch64]=bac3aee7b40acd805659fd81a2acd6096312d5b0f014c97ddfe75fb4c1644627
)

fetch_onnxruntime() {
  local into=.deps/onnxruntime
  local machine
  machine="$(uname -m)"
  local stamp="$into/.stamp" wanted="$ort_version $machine $ort_headers_sum"
  [[ -r $stamp && $(<"$stamp") == "$wanted" ]] && return
  [[ -n ${ort_wheel_sums[$machine]:-} ]] || die "ONNX Runtime is not known for the processor $machine"

  local temp
  mkdir -p .deps
  temp="$(mktemp -d "$PWD/.deps/new.XXXXXX")"
  # shellcheck disable=SC2064
  trap "rm -rf '$temp'" EXIT
  mkdir -p "$temp/onnxruntime/lib" "$temp/onnxruntime/include"

  step "ONNX Runtime $ort_version" "runs the models; the library from its Python package"
  python3 -m pip download -q --no-deps --only-binary :all: --platform "manylinux_2_28_$machine" --python-version 311 \
    -d "$temp/wheel" "onnxruntime==$ort_version" || die "pip could not fetch onnxruntime $ort_version; its message is above"
  echo "${ort_wheel_sums[$machine]}  $(echo "$temp"/wheel/*.whl)" | sha256sum --check --quiet ||
    die "the wheel of onnxruntime $ort_version is not the known one; refused"
  unzip -q -j "$temp"/wheel/*.whl "onnxruntime/capi/libonnxruntime.so.$ort_version" \
    onnxruntime/capi/libonnxruntime_providers_shared.so -d "$temp/onnxruntime/lib"
  ln -s "libonnxruntime.so.$ort_version" "$temp/onnxruntime/lib/libonnxruntime.so"
  ln -s "libonnxruntime.so.$ort_version" "$temp/onnxruntime/lib/libonnxruntime.so.1"

  step "ONNX Runtime headers" "to compile against it; from Debian $ort_headers_suite, read apart from this system's own apt"
  fetch_from_next_debian libonnxruntime-dev "$temp/apt"
  cp "$temp"/apt/root/usr/include/onnxruntime/*.h "$temp/onnxruntime/include/"
  [[ $(cat "$temp"/onnxruntime/include/*.h | sha256sum) == "$ort_headers_sum  -" ]] ||
    die "the headers of libonnxruntime-dev are not the known ones; refused"

  echo "$wanted" >"$temp/onnxruntime/.stamp"
  rm -rf "$into"
  mv "$temp/onnxruntime" "$into"
  rm -rf "$temp"
  trap - EXIT
}

# fetch_from_next_debian PACKAGE FOLDER: unpacks a package of the next Debian into FOLDER/root. The source is this machine's own
# Debian source with the suite's name exchanged, in an apt state of its own, so the system's package lists stay as they are.
fetch_from_next_debian() {
  local package="$1" at="$2"
  mkdir -p "$at"/{lists/partial,cache/archives/partial,root,parts}
  next_debian_sources "$at/parts"
  local -a own=(
    -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$at/parts" -o "Dir::State::lists=$at/lists"
    -o "Dir::Cache=$at/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none
  )
  apt-get -qq "${own[@]}" update ||
    die "apt cannot read Debian $ort_headers_suite. If it misses a key: apt-get install debian-archive-keyring (2023.3+deb12u2 or newer knows it)"
  (cd "$at" && apt-get -qq "${own[@]}" download "$package") || die "apt cannot fetch $package of Debian $ort_headers_suite"
  dpkg -x "$at/$package"_*.deb "$at/root"
}

# next_debian_sources FOLDER: writes this machine's main Debian source with the next suite's name, in whichever of apt's two
# formats it stands. Updates, security and backports are left out; Signed-By stays.
next_debian_sources() {
  local into="$1" codename file
  # shellcheck source=/dev/null
  codename="$(source /etc/os-release && echo "$VERSION_CODENAME")"
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ -r $file ]] || continue
    awk -v old="$codename" -v new="$ort_headers_suite" '
      BEGIN { RS = ""; FS = "\n" }
      {
        stanza = ""; main = 0
        for (i = 1; i <= NF; ++i) {
          line = $i
          if (line ~ /^#/) continue
          if (line ~ /^Suites:/) {
            for (n = split(line, word, /[ \t]+/); n > 1; --n) if (word[n] == old) main = 1
            line = "Suites: " new
          }
          stanza = stanza line "\n"
        }
        if (main && !done) { printf "%s", stanza; done = 1 }
      }' "$file" >"$into/next.sources"
    [[ -s $into/next.sources ]] && return
    rm -f "$into/next.sources"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -r $file ]] || continue
    awk -v old="$codename" -v new="$ort_headers_suite" '
      $1 == "deb" && !done {
        for (i = 2; i <= NF; ++i) if ($i == old) { $i = new; print; done = 1; break }
      }' "$file" >"$into/next.list"
    [[ -s $into/next.list ]] && return
    rm -f "$into/next.list"
  done
  die "found no Debian source for '$codename' in this machine's apt settings, from which to derive one for $ort_headers_suite"
}
