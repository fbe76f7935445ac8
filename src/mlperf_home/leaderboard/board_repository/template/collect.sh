#!/usr/bin/env bash
# Take the bundles of this branch into the board, which the branch `board` keeps, in the order in which they came.
set -euo pipefail
umask 077

rm -rf state
git worktree prune
if git ls-remote --exit-code --heads origin board >/dev/null; then
  git fetch --quiet origin +refs/heads/board:refs/remotes/origin/board
  git worktree add --quiet --detach state origin/board
else
  git worktree add --quiet --detach state HEAD
  git -C state checkout --quiet --orphan new-board
  git -C state rm -rfq .
fi

key=()
if [[ -n ${BOARD_KEY:-} ]]; then
  printf '%s\n' "$BOARD_KEY" >.board-key
  key=(--board_key=.board-key)
fi
trap 'rm -f .board-key .board-key.pub' EXIT

# One folder for each commit: bundles of one batch share their time, and who copied from whom is then unknown.
rm -rf batches
mkdir batches
number=0
git log --first-parent --reverse --format=%H -- bundles >batches/commits
while IFS= read -r commit; do
  git diff-tree -r --root --no-commit-id --name-only --diff-filter=A --diff-merges=first-parent -z "$commit" -- bundles >batches/files
  while IFS= read -r -d '' path; do
    if [[ $path =~ ^bundles/[0-9a-f]{64}\.tar\.gz$ && -f $path && ! -L $path ]]; then
      digest=$(basename "$path" .tar.gz)
      if ! [[ -f state/@NAME@/objects/${digest:0:2}/$digest.tar.gz ]]; then
        folder=batches/$(printf '%06d' "$number")
        mkdir -p "$folder"
        ln -f "$path" "$folder/" 2>/dev/null || cp "$path" "$folder/"
      fi
    fi
  done <batches/files
  number=$((number + 1))
done <batches/commits

collect() {
  mlperf-home run script --tags=collect,bundles@SAMPLE@ --bundles="$1" --board=state/@NAME@ ${key[@]+"${key[@]}"}
}

# A refused bundle stays in the branch, and is named again each time; the others go on.
for folder in batches/[0-9]*/; do
  if [[ -d $folder ]]; then
    collect "$folder" || echo "some bundles were refused, see above"
  fi
done
if ! [[ -f state/@NAME@/board.json ]]; then
  mkdir -p batches/none
  collect batches/none
fi
rm -rf batches
