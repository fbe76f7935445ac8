#compdef cm cmr cmrd cme PRODUCT
# Completes cm, cmr, cmrd, cme and PRODUCT in zsh. `cm completion script zsh` prints this file.
_cm_complete() {
  local -a found
  local program=$words[1]
  case ${program:t} in cmr | cmrd | cme) program=cm ;; esac
  found=("${(@f)$("$program" completion script -- "${(j: :)${(@)words[1,CURRENT-1]}} $PREFIX" 2>/dev/null)}")
  found=(${found:#})
  if (( ! $#found )); then
    compset -P '*='
    _files
  elif [[ $PREFIX == --tags=* || $found[1] == *[=.] ]]; then
    compadd -S '' -- $found
  else
    compadd -- $found
  fi
}
if [[ $funcstack[1] == _cm ]]; then
  _cm_complete "$@"
else
  compdef _cm_complete cm cmr cmrd cme PRODUCT
fi
