#!/usr/bin/env bash
# Verify the bundles that a branch adds: verify.sh COMMIT-BEFORE. The summary says what was found.
set -euo pipefail
base=$1
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

say() { printf '%s\n' "$*" >>"$summary"; }

say '## Bundles of this pull request'
git diff --no-renames --name-status -z "$base...HEAD" >"$work/changes"
bundles=()
while IFS= read -r -d '' status && IFS= read -r -d '' path; do
  if [[ $status == A && $path =~ ^bundles/[0-9a-f]{64}\.tar\.gz$ && -f $path && ! -L $path ]]; then
    bundles+=("$path")
  else
    failed=1
    say "- refused: a pull request adds bundles and changes nothing else; look at its list of files ($status)"
  fi
done <"$work/changes"

for path in ${bundles[@]+"${bundles[@]}"}; do
  name=$(basename "$path")
  if mlperf-home run script --tags=verify,bundle --bundle="$path" >"$work/found" 2>&1; then
    say "- verified: $name"
  else
    failed=1
    say "- NOT verified: $name"
  fi
  say '```text'
  # What a bundle says is a stranger's text: no mark of it ends this block.
  tail -n 40 "$work/found" | tr -d '`\000-\010\013-\037' | cut -c 1-300 >>"$summary"
  say '```'
done

if [[ ${#bundles[@]} == 0 ]]; then
  say '- no new bundle: bundles/ has one file for each, named by the SHA-256 of its manifest'
fi
exit "$failed"
