# SPDX-License-Identifier: Apache-2.0
# What a pull tells on the way: --progress, docs/progress.md.

load lib/common

setup_file() {
    have_images busybox
    start_registry
    push "$IMAGES/busybox:three" busybox:three
    local dir=$BATS_FILE_TMPDIR/server
    mkdir -p "$dir"
    python3 "$E2E_LIB/breaking-registry.py" 24 "$dir/port" "$dir/log" 3>&- &
    echo $! >"$dir/pid"
    for _ in {1..200}; do
        [ ! -s "$dir/port" ] || break
        sleep 0.1
    done
    BREAKING=127.0.0.1:$(cat "$dir/port")
    export BREAKING
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/server/pid")"
    stop_registry
}

setup() {
    new_store
}

# All lines of stderr are JSON; those that jq filter $1 lets through.
events() {
    jq -c "$1" <<<"$stderr"
}

@test "--progress json writes the documented objects, one a line" {
    run --separate-stderr imgc pull --progress json "$REGISTRY/busybox:three"
    [ "$status" -eq 0 ]
    id=$output
    manifest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/busybox:three")
    [ "$(events 'keys_unsorted | join(" ")' | sort -u)" = "$(sort -u <<'END'
"event digest"
"event digest layer layers stage current total"
"event image digest bytes unchanged"
END
)" ]
    digest=sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/busybox:three" |
        sha256sum | cut -d ' ' -f 1)
    [ "$(head -n 1 <<<"$stderr" | jq -r .event,.digest | xargs)" = "resolved $digest" ]
    # each layer with its digest and size, from the bottom, whole in the end
    [ "$(events 'select(.event == "layer" and .stage == "done") | [.layer, .digest, .current, .total]' | sort)" = \
        "$(jq -c '.layers | to_entries[] | [.key + 1, .value.digest, .value.size, .value.size]' <<<"$manifest" | sort)" ]
    [ "$(tail -n 1 <<<"$stderr" | jq -c '[.event, .image, .digest, .unchanged, .bytes > 1000]')" = \
        "[\"done\",\"$REGISTRY/busybox:three\",\"sha256:$id\",false,true]" ]

    run --separate-stderr imgc pull --progress json "$REGISTRY/busybox:three"
    [ "$status" -eq 0 ]
    [ "$(events 'select(.stage == "exists")' | wc -l)" -eq 3 ]
    [ "$(events 'select(.stage == "downloading")' | wc -l)" -eq 0 ]
    [ "$(events 'select(.event == "done") | .unchanged')" = true ]
}

@test "--progress json tells of retries, and of a failure in words" {
    run --separate-stderr imgc pull --progress json --retry-delay 1ms "$BREAKING/reset:x"
    [ "$status" -eq 0 ]
    [ "$(events 'select(.event == "retry") | .retries' | head -n 1)" -ge 1 ]
    [ "$(tail -n 1 <<<"$stderr" | jq -r .event)" = 'done' ]

    run --separate-stderr imgc pull --progress json "$REGISTRY/nosuch:1"
    [ "$status" -eq 1 ]
    [[ $stderr == "Error: "* ]]
}

@test "bytes that come are told, but four times a second at most" {
    start=$(date +%s%N)
    run --separate-stderr imgc pull --progress json "$BREAKING/big-paced-20:x"
    quarters=$((($(date +%s%N) - start) / 250000000))
    [ "$status" -eq 0 ]
    told=$(events 'select(.stage == "downloading" and .current > 0 and .current < .total)' | wc -l)
    echo "$told lines in $quarters quarters of a second"
    [ "$told" -ge 1 ]
    [ "$told" -le $((quarters + 1)) ]
}

@test "--progress plain has no escapes on a terminal, none says nothing, others are refused" {
    run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' pull --progress plain $REGISTRY/busybox:three" /dev/null
    [ "$status" -eq 0 ]
    [[ $output == *"layer 3/3 "*": done ("* && $output != *$'\e'* ]]
    imgc rmi -f "$REGISTRY/busybox:three"
    for option in "--progress none" "-q --progress json"; do
        run --separate-stderr imgc pull $option "$REGISTRY/busybox:three"
        [ "$status" -eq 0 ] && [ -n "$output" ] && [ -z "$stderr" ]
    done
    assert_fails 1 "auto, plain, json or none, not 'xml'" imgc pull --progress xml "$REGISTRY/busybox:three"
    assert_fails 125 "auto, plain, json or none, not 'xml'" imgc create --progress xml "$REGISTRY/busybox:three"
}

@test "create and run tell of their pull in the same way" {
    run --separate-stderr imgc create --progress json "$REGISTRY/busybox:three" true
    [ "$status" -eq 0 ]
    [ "$(events .event | sed -n '1p;$p' | xargs)" = "resolved done" ]
}
