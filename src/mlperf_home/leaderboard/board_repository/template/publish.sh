#!/usr/bin/env bash
# Write the board's pages into _site; the secret BOARD_KEY, if there is one, signs the list of what is wanted.
set -euo pipefail
umask 077

key=()
if [[ -n ${BOARD_KEY:-} ]]; then
  printf '%s\n' "$BOARD_KEY" >.board-key
  key=(--board_key=.board-key)
fi
trap 'rm -f .board-key .board-key.pub' EXIT

rm -rf _site
mlperf-home run script --tags=publish,leaderboard --board=state/@NAME@ --out_dir=_site ${key[@]+"${key[@]}"}
chmod -R a+rX _site
