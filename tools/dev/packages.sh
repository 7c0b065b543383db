# shellcheck shell=bash
# What is installed from Debian, by purpose. docs/dependencies.md says what each library is for.

packages_build=(
  g++ cmake ninja-build ccache mold pkg-config ca-certificates unzip python3 python3-venv python3-pip
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libavdevice-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-video-dev libturbojpeg0-dev
  libyaml-cpp-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev libeigen3-dev
  libssl-dev libcurl4-openssl-dev libcpp-httplib-dev prometheus-cpp-dev protobuf-compiler libprotobuf-dev
  libgrpc++-dev protobuf-compiler-grpc libsqlite3-dev
  libgtest-dev libgmock-dev opencv-doc
)
packages_test=(ffmpeg chromium clang-19 libclang-rt-19-dev git openssl iproute2 etcd-server)
packages_bench=(ffmpeg iproute2 libzmq3-dev cppzmq-dev libmsgpack-cxx-dev nats-server libnats-dev)
readonly oldest_node=18

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e "process.exit(parseInt(process.versions.node) >= $oldest_node ? 0 : 1)"
}

# install_packages PURPOSE…: installs what is missing of the packages for these purposes (build, test, bench).
install_packages() {
  local -a wanted=() missing=()
  local purpose package
  for purpose in "$@"; do
    local -n list="packages_$purpose"
    wanted+=("${list[@]}")
  done
  node_is_new_enough || wanted+=(nodejs npm)
  local installed
  installed="$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/ installed$//p' || true)"
  for package in "${wanted[@]}"; do
    grep -qxF "$package" <<<"$installed" || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return

  [[ ${VEDETTE_INSTALL:-yes} == no ]] && die "missing packages: ${missing[*]} (VEDETTE_INSTALL=no forbids installing them)"
  # shellcheck source=/dev/null
  if ! (source /etc/os-release && [[ $ID == debian && ${VERSION_ID:-} == 12 ]]); then
    note "this is not Debian 12; the packages may have other names or versions here"
  fi
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null || die "missing packages: ${missing[*]} (run as root, or install sudo)"
  step "packages" "installing ${#missing[@]} from Debian, to $(purposes "$@"): ${missing[*]}"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt could not install them; its message is above"
}

purposes() {
  local joined
  joined="$(printf '%s and ' "$@")"
  echo "${joined% and }"
}

# sample_video: prints the path of the sample video. Small Debian images leave documentation out when they install a package;
# there the video is taken out of the package itself.
sample_video() {
  local name=vtest.avi
  local here=/usr/share/doc/opencv-doc/examples/data/$name kept=.deps/sample/$name
  if [[ -r $here ]]; then
    echo "$here"
    return
  fi
  if [[ ! -r $kept ]]; then
    local temp
    temp="$(mktemp -d)"
    (cd "$temp" && apt-get -qq download opencv-doc && dpkg -x opencv-doc_*.deb .) >&2
    mkdir -p "${kept%/*}"
    local found
    found="$(find "$temp" -name "$name*" -print -quit)"
    [[ -n $found ]] || die "the package opencv-doc holds no $name"
    if [[ $found == *.gz ]]; then gunzip -c "$found" >"$kept.part"; else cp "$found" "$kept.part"; fi
    mv "$kept.part" "$kept"
    rm -rf "$temp"
  fi
  echo "$root/$kept"
}
