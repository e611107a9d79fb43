# SPDX-License-Identifier: Apache-2.0
# Forms of content that few registries have: sha512, zstd:chunked, data in descriptors, artifacts, schema 1.

load lib/common

setup_file() {
    python3 "$E2E_LIB/formats-registry.py" "$BATS_FILE_TMPDIR/port" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/pid"
    for _ in $(seq 300); do
        [ ! -s "$BATS_FILE_TMPDIR/port" ] || break
        sleep 0.1
    done
    read -r PORT SHA512 <"$BATS_FILE_TMPDIR/port"
    export PORT SHA512
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

setup() {
    new_store
}

# The image came whole, and under the ID that its config has.
assert_whole() {
    [ "$(imgc inspect --format '{{index .Labels "is"}}' "$1")" = "$2" ]
    [ "$(imgc cat "$1:/hello")" = "hello from the layer" ]
    imgc verify
}

@test "manifests, configs and layers under sha512" {
    run --separate-stderr imgc pull -q --platform linux/amd64 "$PORT/sha512:1"
    [ "$status" -eq 0 ]
    [ "${#output}" -eq 128 ]
    assert_whole "$PORT/sha512:1" sha512
    # by the manifest's own sha512, and by ID
    imgc pull -q "$PORT/sha512@$SHA512"
    [ "$(imgc cat "$PORT/sha512@$SHA512:/many" | wc -c)" -eq 800000 ]
    imgc inspect --format '{{.Id}}' "sha512:${output:0:12}" | grep -qx "$output"
    imgc pull -q "$PORT/mixed:1"
    assert_whole "$PORT/mixed:1" mixed
    # it goes through an archive as it is
    imgc save --format oci-archive -o "$BATS_TEST_TMPDIR/a.tar" "$PORT/sha512:1"
    imgc rmi "$PORT/sha512:1"
    imgc load -i "$BATS_TEST_TMPDIR/a.tar"
    assert_whole "$PORT/sha512:1" sha512
    [ "$(imgc inspect --format '{{.Id}}' "$PORT/sha512:1")" = "$output" ]
    # other bytes under a sha512 are found out (where the layer is not here: else it is not fetched)
    imgc rmi -a
    assert_fails 1 'sha512:' imgc pull -q "$PORT/lie:1"
    assert_fails 1 'sha512:' imgc pull -q "$PORT/sha512@sha512:$(printf 'a%.0s' $(seq 128))"
}

@test "zstd:chunked: all frames are read, the table of contents is passed over" {
    command -v zstd >/dev/null || skip "needs zstd"
    imgc pull -q "$PORT/chunked:1"
    assert_whole "$PORT/chunked:1" chunked
    [ "$(imgc cat "$PORT/chunked:1:/many" | wc -c)" -eq 800000 ]
}

@test "zstd:chunked and zstd as podman pushes them" {
    require_root
    command -v podman >/dev/null || skip "needs podman"
    local run=(podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/r" --storage-driver vfs)
    # Built by podman: of a tar that another tool has padded, podman 4.3 loses the padding, so that what it
    # pushes is not what its config says.
    seq 100000 >"$BATS_TEST_TMPDIR/numbers"
    printf 'FROM scratch\nCOPY numbers /\n' >"$BATS_TEST_TMPDIR/Containerfile"
    "${run[@]}" build -q -t built -f "$BATS_TEST_TMPDIR/Containerfile" "$BATS_TEST_TMPDIR" \
        2>"$BATS_TEST_TMPDIR/why" || skip "podman cannot build here: $(tail -n 1 "$BATS_TEST_TMPDIR/why")"
    start_registry
    for format in zstd:chunked zstd; do
        local name=$REGISTRY/built:${format/:/-}
        "${run[@]}" push -q --tls-verify=false --compression-format $format built "docker://$name"
        imgc pull -q "$name"
        imgc verify
        imgc cat "$name:/numbers" | cmp - "$BATS_TEST_TMPDIR/numbers"
        curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
            "http://$REGISTRY/v2/built/manifests/${format/:/-}" >"$BATS_TEST_TMPDIR/manifest"
        [ "$(imgc inspect --format '{{.Id}}' "$name")" = \
            "$(jq -r '.config.digest[7:]' "$BATS_TEST_TMPDIR/manifest")" ]
        grep -q 'tar+zstd' "$BATS_TEST_TMPDIR/manifest"
        # so that the next one is not spared for the layer that is here
        imgc rmi -a
    done
    stop_registry
}

@test "data in descriptors changes nothing, whether it is right or wrong" {
    imgc pull -q "$PORT/data:1"
    assert_whole "$PORT/data:1" data
    imgc pull -q "$PORT/wrong-data:1"
    assert_whole "$PORT/wrong-data:1" wrong-data
}

@test "artifacts and schema 1 are refused in words" {
    assert_fails 1 'is an artifact .type application/x.signature., not an image' imgc pull -q "$PORT/artifact:1"
    assert_fails 1 "Docker's schema 1, which is no longer supported" imgc pull -q "$PORT/schema1:1"
    [ -z "$(imgc images -aq)" ]
}
