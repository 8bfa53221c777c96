#!/bin/sh
# Pictures of the digest mails of tests/data/digest, as a browser shows them:
# light and dark, wide and as narrow as a phone. For people to look at.
#   tests/pictures.sh [DIRECTORY]     needs chromium
set -eu
out=$(realpath -m "${1:-target/pictures}")
cd "$(dirname "$0")/.."
mkdir -p "$out"
NEWSWATCH_PICTURES="$out" cargo test --quiet --test it mail::pictures
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

# picture FILE WIDTH HEIGHT NAME [FLAG]
picture() {
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
        --user-data-dir="$profile/browser" --window-size="$2,$3" ${5:-} \
        --screenshot="$out/$4.png" "file://$1" > "$profile/log" 2>&1 || { cat "$profile/log"; exit 1; }
}

for page in "$out"/*.html; do
    name=$(basename "$page" .html)
    picture "$page" 900 1500 "$name-light"
    picture "$page" 900 1500 "$name-dark" --blink-settings=preferredColorScheme=0
    picture "$page" 390 1700 "$name-phone"
    picture "$page" 390 1700 "$name-phone-dark" --blink-settings=preferredColorScheme=0
done
echo "pictures are in $out"
