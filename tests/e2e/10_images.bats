# SPDX-License-Identifier: Apache-2.0
# Images in the store: import, list, inspect, tag, remove, prune, disk usage, verify.
# forms: both

load lib/common

setup() {
    require_images busybox
    new_store
}

import() {
    imgc import "$@" >/dev/null
}

@test "import prints the ID, images lists it" {
    run --separate-stderr imgc import -m 'my message' "$IMAGES/busybox.tar" app:1
    [ "$status" -eq 0 ]
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    id=$output
    run imgc images
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE ]]
    [[ ${lines[1]} =~ ^app\ +1\ +${id:0:12}\ +.*MB ]]
    run imgc images -q
    [ "$output" = "${id:0:12}" ]
    run imgc images -q --no-trunc
    [[ $output == *"$id" ]]
    run imgc history app:1
    [[ $output == *"my message"* ]]
}

@test "-c changes the config as docker import does" {
    import -c 'CMD ["a","b"]' -c 'ENTRYPOINT ["/e"]' -c 'ENV A=1 B="two words"' -c 'EXPOSE 80 53/udp' \
        -c 'LABEL k=v' -c 'USER user' -c 'VOLUME /data' -c 'WORKDIR /w' -c 'STOPSIGNAL SIGQUIT' \
        "$IMAGES/busybox.tar" app
    run imgc inspect app
    [ "$status" -eq 0 ]
    config=$(jq -c '.[0].Config' <<<"$output")
    [ "$(jq -c .Cmd <<<"$config")" = '["a","b"]' ]
    [ "$(jq -c .Entrypoint <<<"$config")" = '["/e"]' ]
    [ "$(jq -c .Env <<<"$config")" = '["A=1","B=two words"]' ]
    [ "$(jq -c '.ExposedPorts | keys' <<<"$config")" = '["53/udp","80/tcp"]' ]
    [ "$(jq -r .Labels.k <<<"$config")" = v ]
    [ "$(jq -r .User <<<"$config")" = user ]
    [ "$(jq -c '.Volumes | keys' <<<"$config")" = '["/data"]' ]
    [ "$(jq -r .WorkingDir <<<"$config")" = /w ]
    [ "$(jq -r .StopSignal <<<"$config")" = SIGQUIT ]
}

@test "formats, filters and order of images" {
    import "$IMAGES/busybox.tar" first:1
    sleep 0.01
    import -c 'LABEL team=red' "$IMAGES/busybox.tar" second:2
    run imgc images --format '{{.Repository}}:{{.Tag}}'
    [ "$output" = $'second:2\nfirst:1' ] # newest first
    run imgc images --sort repository --format '{{.Repository}}'
    [ "$output" = $'first\nsecond' ]
    run imgc images --format json
    [ "$(jq 'length' <<<"$output")" = 2 ]
    run imgc images --format 'table {{.Repository}}\t{{.Size}}'
    [[ ${lines[0]} =~ ^REPOSITORY\ +SIZE ]]
    run imgc images --filter label=team=red --format '{{.Repository}}'
    [ "$output" = second ]
    run imgc images --filter 'reference=fir*' --format '{{.Repository}}'
    [ "$output" = first ]
    run imgc images first --format '{{.Repository}}'
    [ "$output" = first ]
    run imgc images --digests
    [[ ${lines[1]} == *sha256:* ]]
    assert_fails 1 'nosuchkey' imgc images --filter nosuchkey=1
}

@test "tag, untag and re-tag move names; an image without names is dangling" {
    import "$IMAGES/busybox.tar" a:1
    id=$(imgc images -q a:1)
    imgc tag a:1 b:2 host:5000/c/d:3
    run imgc inspect --format '{{json .RepoTags}}' a:1
    [[ $output == *b:2* ]] && [[ $output == *host:5000/c/d:3* ]]
    imgc untag b:2
    assert_fails 1 'b:2' imgc inspect b:2
    import -m other "$IMAGES/busybox.tar" a:1
    [ "$(imgc images -q a:1)" != "$id" ]
    imgc untag host:5000/c/d:3
    run imgc images --filter dangling=true -q
    [ "$output" = "$id" ]
    run imgc images
    [[ $output == *"<none>"* ]]
}

@test "rmi by name, by short ID, with several names" {
    import "$IMAGES/busybox.tar" a:1
    id=$(imgc images -q)
    imgc tag a:1 b:2
    assert_fails 1 "$id" imgc rmi "$id" || assert_fails 2 "$id" imgc rmi "$id"
    run imgc rmi a:1
    [[ $output == *"Untagged: "*a:1* ]]
    [ "$(imgc images -q)" = "$id" ]
    run imgc rmi "$id"
    [[ $output == *"Deleted: "* ]]
    [ -z "$(imgc images -qa)" ]
    wait_idle
    [ -z "$(ls -A "$STORE/layers")" ]
    [ -z "$(find "$STORE/blobs" -type f)" ]
}

@test "layers that images share stay until the last one goes" {
    import "$IMAGES/busybox.tar" a
    import -m 'another image, the same layer' "$IMAGES/busybox.tar" b
    [ "$(ls "$STORE/layers" | wc -l)" -eq 1 ]
    imgc rmi a >/dev/null
    [ "$(ls "$STORE/layers" | wc -l)" -eq 1 ]
    imgc verify -q b
    imgc rmi b >/dev/null
    wait_idle
    [ -z "$(ls -A "$STORE/layers")" ]
}

@test "prune takes what nothing uses, asks first, and tells exact bytes" {
    import "$IMAGES/busybox.tar" keep
    python3 "$E2E_LIB/nasty-tar.py" absolute >"$BATS_TEST_TMPDIR/small.tar"
    import "$BATS_TEST_TMPDIR/small.tar" gone
    imgc untag gone
    wait_idle
    disk() { du -s --block-size=1 "$STORE/layers" "$STORE/views" "$STORE/blobs" | awk '{s += $1} END {print s}'; }
    before=$(disk)
    run imgc prune --dry-run --format json
    foretold=$(jq -r '.ReclaimedBytes // .[0].ReclaimedBytes' <<<"$output")
    [ "$(imgc images -aq | wc -l)" -eq 2 ]
    run bash -c "'$IMGC' --root '$STORE' --runroot '$RUNROOT' prune </dev/null"
    [ "$status" -ne 0 ] # nobody to ask
    run imgc prune -f
    [ "$status" -eq 0 ]
    [[ $output == *"Total reclaimed space: "* ]]
    [ "$(imgc images -q)" = "$(imgc images -q keep)" ]
    wait_idle
    [ "$((before - $(disk)))" -eq "$foretold" ]
    run imgc prune -af
    [ -z "$(imgc images -aq)" ]
}

@test "prune filters by age, label and name" {
    import -c 'LABEL keep=yes' "$IMAGES/busybox.tar" a
    import "$IMAGES/busybox.tar" b
    imgc prune -af --filter until=1h >/dev/null
    [ "$(imgc images -q | wc -l)" -eq 2 ]
    imgc prune -af --filter label!=keep=yes >/dev/null
    run imgc images --format '{{.Repository}}'
    [ "$output" = a ]
}

@test "df, info and version answer" {
    import "$IMAGES/busybox.tar" a
    run imgc df
    [[ ${lines[0]} =~ ^TYPE\ +TOTAL\ +ACTIVE\ +SIZE\ +RECLAIMABLE ]]
    [[ ${lines[1]} =~ ^Images\ +1\ +0\ +.*MB ]]
    run imgc info
    [ "$status" -eq 0 ]
    [[ $output == *"$STORE"* ]]
    [[ $(imgc --layers directory info -f '{{.Layers}}: {{.LayersReason}}') == "directory: --layers"* ]]
    [[ $(IMGC_LAYERS=directory imgc info -f json | jq -r .Layers) == directory ]]
    assert_fails 1 "IMGC_LAYERS is auto, erofs or directory, not 'x'" env IMGC_LAYERS=x "$IMGC" info
    run imgc version
    [[ $output == *imgc* ]]
    run imgc --version
    [[ $output == *imgc* ]]
}

@test "verify finds a flipped byte in a blob, in a tar and in an unpacked file" {
    export IMGC_LAYERS=directory
    import "$IMAGES/busybox.tar" a
    imgc verify >/dev/null
    flip() { printf "$(printf '\\x%02x' $((0x$(od -An -tx1 -j "$2" -N1 "$1" | tr -d ' ') ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

    tar=$(find "$STORE/layers" -name tar -type f)
    flip "$tar" 10 # of a header: data may be in the unpacked file alone
    assert_fails 1 'bad' imgc verify
    [[ $output == *layer*BAD* ]]
    flip "$tar" 10 # of a header: data may be in the unpacked file alone
    imgc verify -q

    blob=$(find "$STORE/blobs" -type f | head -n 1)
    flip "$blob" 20
    assert_fails 1 'bad' imgc verify
    [[ $output == *blob*BAD* ]]
    flip "$blob" 20

    file=$(find "$STORE/layers" -path '*/data/one' -type f)
    echo eno >"$file"
    assert_fails 1 'bad' imgc verify a
    [[ $output == *BAD*data/one* ]]
}

@test "verify finds a flipped byte in an EROFS view, which is then made again" {
    require_erofs
    import "$IMAGES/busybox.tar" a
    [ -z "$(find "$STORE/layers" -name busybox)" ] # nothing is unpacked
    imgc verify -q
    view=$(find "$STORE/views" -type f)
    printf X | dd of="$view" bs=1 seek=2000 conv=notrunc status=none
    assert_fails 1 'bad' imgc verify
    [[ $output == *image*BAD*view*'built again'* ]]
    [[ $output != *'bad: remove'* ]]
    imgc run --rm a true
    imgc verify -q
    [ "$(find "$STORE/views" -type f)" = "$view" ]
    rm "$view" # a cache
    imgc run --rm a true
    imgc rmi a >/dev/null
    wait_idle
    [ -z "$(ls -A "$STORE/views")" ]
}

@test "labels in a template: a map, also where there are none" {
    imgc import "$IMAGES/busybox.tar" plain >/dev/null
    imgc import -c 'LABEL k=v' "$IMAGES/busybox.tar" labelled >/dev/null
    [ "$(imgc images --format '{{.Labels}}' plain)" = "map[]" ]
    [ "$(imgc images --format '{{.Labels}}' labelled)" = "map[k:v]" ]
}

@test "import takes no device, and not endless zeros: the disk is not filled" {
    run timeout 20 "$IMGC" --root "$STORE" import /dev/zero
    [ "$status" -eq 1 ]
    [[ $output == *"/dev/zero': is a device, not an archive"* ]]
    run timeout 20 "$IMGC" --root "$STORE" import - </dev/zero
    [ "$status" -eq 1 ]
    [[ $output == *"is a device, not an archive"* ]]
    run bash -c "head -c 1G /dev/zero | timeout 60 '$IMGC' --root '$STORE' import -"
    [ "$status" -eq 1 ]
    [[ $output == *"follow the end of the archive"* ]]
    run bash -c "{ cat '$IMAGES/busybox.tar'; head -c 1G /dev/zero; } | timeout 60 '$IMGC' --root '$STORE' import -"
    [ "$status" -eq 1 ]
    [[ $output == *"follow the end of the archive"* ]]
    # what a tape's record size pads with is no reason to refuse
    run bash -c "{ cat '$IMAGES/busybox.tar'; head -c 1M /dev/zero; } | timeout 60 '$IMGC' --root '$STORE' import - padded"
    [ "$status" -eq 0 ]
}
