# SPDX-License-Identifier: Apache-2.0
# Pulling from a real registry (Debian's docker-registry) on loopback.

load lib/common

setup_file() {
    have_images busybox
    start_registry
    push "$IMAGES/busybox:one" busybox:one
    push "$IMAGES/busybox:three" busybox:three
    [ ! -d "$IMAGES/debian" ] || push "$IMAGES/debian:layers" debian:layers
}

teardown_file() {
    stop_registry
}

setup() {
    new_store
}

# Requests that the registry answered, without those for its own health.
requests() {
    grep -cE '"(GET|HEAD) /v2/[^" ]+' "$REGISTRY_LOG" || true
}

# The config digest of a tag in the registry: what the image ID has to be.
image_id() {
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1" | jq -r .config.digest | cut -d: -f2
}

@test "pull prints the image ID alone on stdout" {
    run --separate-stderr imgc pull "$REGISTRY/busybox:one"
    [ "$status" -eq 0 ]
    [ "$output" = "$(image_id busybox:one)" ]
    run --separate-stderr imgc pull -q "$REGISTRY/busybox:three"
    [ "$status" -eq 0 ]
    [ "$output" = "$(image_id busybox:three)" ]
    [ -z "$stderr" ]
}

@test "pull keeps the manifest as received: its digest is the registry's" {
    imgc pull -q "$REGISTRY/busybox:one"
    digest=$(curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://$REGISTRY/v2/busybox/manifests/one" | tr -d '\r' |
        sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p')
    run imgc images --digests --format '{{.Digest}}'
    [ "$output" = "$digest" ]
}

@test "a second pull of an unchanged image asks for the manifest only" {
    imgc pull -q "$REGISTRY/busybox:three"
    before=$(requests)
    run --separate-stderr imgc pull "$REGISTRY/busybox:three"
    [ "$status" -eq 0 ]
    [[ $stderr == *"up to date"* ]]
    # docker-registry logs each answer in one line that names the request; allow for its two lines
    after=$(requests)
    [ $((after - before)) -le 2 ]
    ! tail -n $((after - before)) "$REGISTRY_LOG" | grep -q '/blobs/' || false
}

@test "layers that are here already are not fetched again" {
    imgc pull -q "$REGISTRY/busybox:one"
    seen=$(wc -l <"$REGISTRY_LOG")
    run --separate-stderr imgc pull "$REGISTRY/busybox:three"
    [ "$status" -eq 0 ]
    [[ $stderr == *"already here"* ]]
    base=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/busybox:one" |
        jq -r '.layers[0].digest')
    ! tail -n +$((seen + 1)) "$REGISTRY_LOG" | grep -q "GET /v2/busybox/blobs/$base" || false
}

@test "a digest wins over a tag" {
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/busybox:one")
    run --separate-stderr imgc pull "$REGISTRY/busybox:three@$digest"
    [ "$status" -eq 0 ]
    [ "$output" = "$(image_id busybox:one)" ]
    # pulled again by digest: nothing to ask
    before=$(requests)
    imgc pull -q "$REGISTRY/busybox@$digest"
    [ "$(requests)" -eq "$before" ]
}

@test "two pulls at once download each blob once" {
    require_images debian
    seen=$(wc -l <"$REGISTRY_LOG")
    imgc pull -q "$REGISTRY/debian:layers" >"$BATS_TEST_TMPDIR/a" 2>&1 &
    imgc pull -q "$REGISTRY/debian:layers" >"$BATS_TEST_TMPDIR/b" 2>&1
    wait $!
    cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    for layer in $(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/debian:layers" |
        jq -r '.layers[].digest'); do
        n=$(tail -n +$((seen + 1)) "$REGISTRY_LOG" | grep 'http.response.status=200' |
            grep -c "GET.*/blobs/$layer\|uri=\"\?/v2/debian/blobs/$layer")
        [ "$n" -eq 1 ] || { echo "$layer: $n times"; return 1; }
    done
    assert_store_clean
}

@test "images answers while a pull runs" {
    require_images debian
    imgc import "$IMAGES/busybox.tar" small
    imgc pull -q "$REGISTRY/debian:layers" >/dev/null 2>&1 &
    pid=$!
    worst=0
    while kill -0 $pid 2>/dev/null; do
        start=$(date +%s%N)
        imgc images -q >/dev/null
        took=$((($(date +%s%N) - start) / 1000000))
        [ $took -le $worst ] || worst=$took
    done
    wait $pid
    echo "slowest: $worst ms"
    [ $worst -lt 1500 ]
}

@test "a tag that is not there" {
    assert_fails 1 'nosuchtag' imgc pull "$REGISTRY/busybox:nosuchtag"
    assert_fails 1 'nothing/here' imgc pull "$REGISTRY/nothing/here:x"
    [ -z "$(imgc images -q)" ]
}

@test "a registry that is down" {
    assert_fails 1 "127.0.0.1:$(free_port | tee "$BATS_TEST_TMPDIR/port")|connect" \
        imgc pull "127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/x:y"
}

@test "a corrupted blob is refused and nothing of the image is listed" {
    push "$IMAGES/busybox:one" broken:1
    layer=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/broken:1" |
        jq -r '.layers[0].digest' | cut -d: -f2)
    blob=$REGISTRY_DATA/docker/registry/v2/blobs/sha256/${layer:0:2}/$layer/data
    cp "$blob" "$BATS_TEST_TMPDIR/good"
    printf 'X' | dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
    run --separate-stderr imgc pull "$REGISTRY/broken:1"
    flipped=$status text=$stderr
    truncate -s 3000 "$blob"
    run --separate-stderr imgc pull "$REGISTRY/broken:1"
    cut=$status
    cp "$BATS_TEST_TMPDIR/good" "$blob"
    echo "$text"
    [ "$flipped" -eq 1 ]
    [ "$cut" -eq 1 ]
    [ -z "$(imgc images -qa)" ]
    imgc pull -q "$REGISTRY/broken:1"
    assert_store_clean
}

@test "--platform chooses from an index; none that fits is an error that names those there are" {
    # an index of two platforms, made by hand out of two single images
    python3 "$E2E_LIB/push-index.py" "$REGISTRY" multi:1 "$IMAGES/busybox:one" amd64 "$IMAGES/busybox:three" arm64
    run --separate-stderr imgc pull --platform linux/amd64 "$REGISTRY/multi:1"
    [ "$status" -eq 0 ]
    [ "$output" = "$(image_id busybox:one)" ]
    run --separate-stderr imgc pull --platform linux/arm64/v8 "$REGISTRY/multi:1"
    [ "$status" -eq 0 ]
    [ "$output" = "$(image_id busybox:three)" ]
    assert_fails 1 'linux/amd64' imgc pull --platform linux/s390x "$REGISTRY/multi:1"
    assert_fails 1 'platform' imgc pull --platform 'a/b/c/d' "$REGISTRY/multi:1"
}

@test "zstd and uncompressed layers, Docker's own media types" {
    for how in "zstd oci" "gzip v2s2"; do
        set -- $how
        skopeo copy -q --insecure-policy --dest-tls-verify=false --dest-compress-format "$1" \
            --dest-compress -f "$2" "oci:$IMAGES/busybox:three" "docker://$REGISTRY/$1-$2:x" ||
            skip "skopeo cannot write $1 $2"
        imgc pull -q "$REGISTRY/$1-$2:x"
    done
    # the same layers under other compression are the same layers: stored once
    run imgc df --format '{{.Type}} {{.Total}}'
    [ "$status" -eq 0 ]
    assert_store_clean
}

@test "zstd layers with wide windows share the memory for them" {
    command -v zstd >/dev/null || skip "needs zstd"
    ! grep -q __asan_init "$IMGC" || skip "sanitizers need memory of their own"
    local layout=$BATS_TEST_TMPDIR/wide kib
    python3 "$E2E_LIB/wide-windows.py" "$layout" 6 24 20
    push "$layout:x" wide:x
    kib=$(python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q --platform linux/amd64 "$REGISTRY/wide:x" | tail -n 1)
    echo "$kib KiB at most" # six windows of 16 MiB would be 96 MiB
    [ "$kib" -lt $((48 * 1024)) ]
    assert_store_clean
}

@test "pull shows a bar for each layer on a terminal" {
    run script -qec "'$IMGC' --root '$STORE' --runroot '$RUNROOT' pull $REGISTRY/busybox:three" /dev/null
    [ "$status" -eq 0 ]
    [[ $output == *"[=============================="* ]]
}

@test "of several images those that can be had are pulled, and the status is 1" {
    run --separate-stderr imgc pull -q "$REGISTRY/nosuch:1" "$REGISTRY/busybox:one" "$REGISTRY/nosuch:2"
    [ "$status" -eq 1 ]
    [ "$output" = "$(image_id busybox:one)" ]
    [ "$(grep -c '^Error: ' <<<"$stderr")" -eq 2 ]
    [[ $stderr == *nosuch:1*nosuch:2* ]]
    [[ $stderr == *"check the name and the tag"* ]]
}

@test "a store on an overlayfs keeps images for unpack, and run says why it cannot" {
    require_containers
    d=$BATS_TEST_TMPDIR
    mkdir "$d/lower" "$d/upper" "$d/work" "$d/merged"
    mount -t overlay none -o "lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work" "$d/merged"
    STORE=$d/merged/store
    run --separate-stderr imgc pull -q "$REGISTRY/busybox:three"
    pulled=$status
    imgc unpack "$REGISTRY/busybox:three" "$d/out"
    run --separate-stderr imgc verify -q
    verified=$status
    run --separate-stderr imgc run --rm "$REGISTRY/busybox:three" true
    ran=$status text=$stderr
    umount "$d/merged"
    echo "$text"
    [ "$pulled" -eq 0 ] && [ "$verified" -eq 0 ] && [ "$ran" -eq 125 ]
    [ "$(cat "$d/out/data/two")" = replaced ]
    [[ $text == "Error: "*whiteouts*--root* ]]
}

@test "a plain HTTP registry on loopback needs no file of CAs" {
    require_containers
    run unshare --propagation unchanged -m sh -c '
        for f in /etc/ssl/certs/ca-certificates.crt; do
            [ ! -e $f ] || mount --bind /dev/null $f
        done
        exec "$@"' sh "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull -q "$REGISTRY/busybox:one"
    [ "$status" -eq 0 ]
}

@test "an image that is for another platform alone is pulled, unless --platform says otherwise" {
    cp -r "$IMAGES/busybox" "$BATS_TEST_TMPDIR/layout"
    umoci config --image "$BATS_TEST_TMPDIR/layout:one" --architecture arm64
    push "$BATS_TEST_TMPDIR/layout:one" foreign:1
    imgc pull -q "$REGISTRY/foreign:1"
    [ "$(imgc inspect --format '{{.Architecture}}' "$REGISTRY/foreign:1")" = arm64 ]
    assert_fails 1 'linux/arm64' imgc pull --platform linux/amd64 "$REGISTRY/foreign:1"
}
