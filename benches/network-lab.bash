# Drives the lab of the network (tests/lab/internet) from a script; to be sourced. Needs root.
#
# lab_start DOCTOR; lab COMMAND…, which prints nothing and returns the command's status; lab_file NAME; the lab ends with the
# script that started it.

lab_start() { # DOCTOR
    [[ $EUID == 0 ]] || { echo "the lab needs root: it makes network namespaces" >&2; exit 1; }
    lab_directory=$(mktemp -d -t sesam-doctor-bench-XXXXXX)
    trap 'exec {lab_in}>&- {lab_out}<&-; wait; rm -rf "$lab_directory" "$lab_directory.err"' EXIT
    coproc LAB { exec unshare --mount --net --pid --fork --kill-child --mount-proc \
        bash tests/lab/internet/lab.sh "$lab_directory" "$(realpath "$1")" 2>"$lab_directory.err"; }
    exec {lab_in}>&"${LAB[1]}" {lab_out}<&"${LAB[0]}"
    # The lab ends when nobody holds its stdin any more.
    eval "exec ${LAB[1]}>&- ${LAB[0]}<&-"
    local said
    read -r said <&"$lab_out" && [[ $said == ready ]] || { echo "the lab did not start" >&2; cat "$lab_directory.err" >&2; exit 1; }
    rm -f "$lab_directory.err"
}

lab() { # COMMAND…, on one line
    local said
    printf '%s\n' "$*" >&"$lab_in"
    read -r said <&"$lab_out" && [[ $said == "done 0" ]]
}

lab_file() { printf '%s/%s\n' "$lab_directory" "$1"; }

# The lab's own clock around a command, in microseconds, in the file “took”.
lab_timed() { # COMMAND…
    lab "begun=\$(date +%s%N); { $*; }; ended=\$(date +%s%N); echo \$(( (ended - begun) / 1000 )) > took"
    cat "$(lab_file took)"
}
