# shellcheck shell=bash disable=SC2154
_rnatune_offer() {   # KIND: files, folders, words, or nothing
    case $1 in
        @f) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
        @d) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null ;;
        *) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$cur") ;;
    esac
}
_rnatune() {
    local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} word i last=$((COMP_CWORD - 1)) n=0 names= waits=
    local -A takes=()
    local -a operands=()
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _rnatune_offer "${!_rnatune_words[*]} help --help --man --version"
        return
    fi
    if [ "$verb" = help ]; then
        ((COMP_CWORD == 2)) && _rnatune_offer "${!_rnatune_words[*]}"
        return
    fi
    for word in ${_rnatune_words[$verb]}; do   # --flag, --option=KIND, <KIND or <KIND+ of an operand
        case $word in
            '<'*) operands+=("${word#<}") ;;
            *=*) takes[${word%%=*}]=${word#*=}; names+=" ${word%%=*}" ;;
            *) names+=" $word" ;;
        esac
    done
    [ "$cur" = = ] && cur=   # "--option=value" comes as three words
    [ "${COMP_WORDS[last]}" = = ] && ((last > 2)) && last=$((last - 1))
    if ((last > 1)) && [ -n "${takes[${COMP_WORDS[last]}]+x}" ]; then
        _rnatune_offer "${takes[${COMP_WORDS[last]}]}"
        return
    fi
    case $cur in
        -*) _rnatune_offer "$names"; return ;;
    esac
    for ((i = 2; i < COMP_CWORD; i++)); do   # how many operands stand before this one
        word=${COMP_WORDS[i]}
        case $word in
            =) ;;
            -*) waits=${takes[$word]+x} ;;
            *) [ -n "$waits" ] || n=$((n + 1)); waits= ;;
        esac
    done
    for ((i = 0; i < ${#operands[@]}; i++)); do
        word=${operands[i]}
        if ((i == n)) || { ((i < n)) && [ "${word%+}" != "$word" ]; }; then
            _rnatune_offer "${word%+}"
            return
        fi
    done
    [ -n "$cur" ] || _rnatune_offer "$names"   # no operand: what else could be meant
}
complete -F _rnatune rnatune
