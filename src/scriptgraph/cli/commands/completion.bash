# Completes cm, cmr, cmrd, cme and PRODUCT in bash. `cm completion script bash` prints this file.
_cm_complete() {
  local current=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT} whole word program=${COMP_WORDS[0]}
  # bash splits words at "=" and ":", so the word to complete lacks the first part of an option.
  whole=${line##*[[:space:]]}
  case $current in "=" | ":") current= ;; esac
  case ${program##*/} in cmr | cmrd | cme) program=cm ;; esac
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("${word:${#whole}-${#current}}")
  done < <("$program" completion script -- "$line" 2>/dev/null)
  case ${#COMPREPLY[@]}${COMPREPLY[0]-} in
    0) ;;
    *[=.]) compopt -o nospace ;;
    *) case $whole in --tags=*) compopt -o nospace ;; esac ;;
  esac
}
complete -o default -F _cm_complete cm cmr cmrd cme PRODUCT
