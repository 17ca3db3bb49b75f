#!/usr/bin/env bash
# Makes docs/watch.png anew: `tacho watch` beside a running loop, as it looks in a terminal of 110x34 after 45 s.
# A small server stands in for the language model; everything else is real. Needs tmux, aha, chromium, pngquant, python3 and a monospace
# font (Debian: tmux aha chromium pngquant fonts-dejavu-core), and installs them where it can.
#
#   ./ci/screenshot-watch.sh [PICTURE]
set -euo pipefail
cd "$(dirname "$0")/.."
picture=$(realpath "${1:-docs/watch.png}")
seconds=${SECONDS_OF_LOOP:-45}

for tool in tmux aha chromium pngquant python3; do
    command -v "$tool" >/dev/null || { apt-get update -qq && apt-get install -y -qq tmux aha chromium pngquant python3 fonts-dejavu-core; }
done
cargo build --locked --release --quiet --bin tacho
tacho=$PWD/target/release/tacho

folder=$(mktemp -d)
socket=$folder/tmux
finish() {
    tmux -S "$socket" kill-server 2>/dev/null || true
    # The loop before the model, of which it would warn.
    for job in $loop $model; do
        kill "$job" 2>/dev/null || true
        wait "$job" 2>/dev/null || true
    done
    rm -rf "$folder"
}
loop='' model=''
trap finish EXIT

# Answers each request after 0.25 to 0.6 s.
cat >"$folder/model.py" <<'PYTHON'
import http.server, random, sys, time

class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(random.uniform(0.25, 0.6))
        answer = b'{"response": "A bright square crosses the room.", "done": true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Model)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 "$folder/model.py" >"$folder/port" &
model=$!
until [ -s "$folder/port" ]; do sleep 0.1; done

cd "$folder"
"$tacho" run --quiet --metrics-interval 5s --llm-url "http://127.0.0.1:$(cat port)" --llm-model llava &
loop=$!
until [ -s logs/metrics.json ]; do sleep 0.1; done
export LANG=C.UTF-8 TERM=xterm-256color
tmux -S "$socket" new-session -d -x 110 -y 34 "$tacho watch"
sleep "$seconds"
tmux -S "$socket" capture-pane -e -p -N >screen.ansi
tmux -S "$socket" send-keys q

{
    cat <<'HTML'
<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #15181d; color: #d5d8de }
pre { margin: 14px; font: 15px/1.164 "DejaVu Sans Mono", monospace }
.dimgray { color: #15181d } .highlighted { color: #7d838e }
.red { color: #e8666d } .green { color: #8cc570 } .yellow { color: #e6bd6a } .blue { color: #6aa7ee }
.purple { color: #c583dd } .cyan { color: #4fb3bf }
.bg-red { background: #e8666d } .bg-green { background: #8cc570 } .bg-yellow { background: #e6bd6a }
.bg-blue { background: #6aa7ee } .bg-purple { background: #c583dd } .bg-cyan { background: #4fb3bf }
.inverted { color: #15181d } .bg-inverted { background: #d5d8de } .bold { font-weight: bold }
</style><pre>
HTML
    # aha takes a reset colour for the end of reverse, and knows no dim: grey comes near.
    sed 's/\(\x1b\[0[;0-9]*m\)\x1b\[39m\x1b\[49m/\1/g; s/\x1b\[\([01;]*\)2m/\x1b[\190m/g' screen.ansi |
        aha --black --stylesheet --no-header
    printf '</pre>'
} >screen.html
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$folder/profile" \
    --force-device-scale-factor=1.5 --window-size=1022,624 --screenshot="$folder/screen.png" \
    "file://$folder/screen.html" >chromium.log 2>&1 || { cat chromium.log; exit 1; }
pngquant --force --quality=60-95 --strip --output "$picture" screen.png
printf '%s: %s bytes\n' "$picture" "$(wc -c <"$picture")"
