/**
 * Completion scripts of the shells. Each calls `kgents __complete`, which prints one candidate a line, followed by a
 * tab and its description, or `:files` if the shell should complete file names.
 *
 * @module
 */
import type { Shell } from "./completion-command.ts";

const bash = `# kgents: completion for bash
_kgents() {
  local line folder path
  local -a folders
  COMPREPLY=()
  # No program of the directory that one stands in is run before Enter is pressed: neither by a path, nor because PATH names that directory.
  [[ $1 == /* || $1 != */* ]] || return
  IFS=: read -ra folders <<<"$PATH"
  for folder in "\${folders[@]}"; do
    [[ $folder == /* ]] && path+=\${path:+:}$folder
  done
  # Without any folder bash would look into that directory.
  [[ $path ]] || return
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      compopt -o default 2>/dev/null
      return
    fi
    # What is offered becomes part of the command line: quoted, it is a word and nothing else.
    printf -v line %q "\${line%%$'\\t'*}"
    COMPREPLY+=("$line")
  done < <(PATH=$path; "$1" __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _kgents kgents
`;

const zsh = `#compdef kgents
# kgents: completion for zsh
_kgents() {
  local line lines value
  local -a described
  # No program of the directory that one stands in is run before Enter is pressed: neither by a path, nor because PATH names that directory.
  [[ $words[1] == /* || $words[1] != */* ]] || return
  lines=$(path=(\${(M)path:#/*}); "$words[1]" __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  for line in "\${(@f)lines}"; do
    [[ -n $line ]] || continue
    if [[ $line == ":files" ]]; then
      _files
      return
    fi
    value=\${line%%$'\\t'*}
    described+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe -V kgents described
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _kgents "$@"
else
  compdef _kgents kgents
fi
`;

const fish = `# kgents: completion for fish
function __kgents_complete
    set -l words (commandline -opc) (commandline -ct)
    # No program of the directory that one stands in is run before Enter is pressed: neither by a path, nor because PATH names that directory.
    string match -qr '^[^/]*$|^/' -- $words[1]; or return
    set -lx PATH (string match -- '/*' $PATH)
    set -l lines ($words[1] __complete fish -- $words[2..-1] 2>/dev/null)
    if test "$lines[1]" = ":files"
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\\n' $lines
end
complete -c kgents -f -a '(__kgents_complete)'
`;

/** The script of each shell. */
export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
