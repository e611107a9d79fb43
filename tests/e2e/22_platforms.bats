# SPDX-License-Identifier: Apache-2.0
# Images for several platforms: which one is chosen, and all of them under one name.

load lib/common

setup_file() {
    have_images busybox
    start_registry
    local image=$IMAGES/busybox:one
    python3 "$E2E_LIB/push-index.py" "$REGISTRY" many:1 "$image" artifact "$image" =linux/arm64 \
        "$image" attestation "$image" =windows/amd64 "$image" +linux/arm/v7 "$image" =linux/amd64 \
        "$image" attestation
    push "$IMAGES/busybox:three" alone:1
}

teardown_file() {
    stop_registry
}

setup() {
    new_store
}

platform_in() {
    imgc inspect --format '{{.Os}}/{{.Architecture}}{{if .Variant}}/{{.Variant}}{{end}}' "$@"
}

@test "--all-platforms: each image of an index for Linux, under one name" {
    run --separate-stderr imgc pull --all-platforms "$REGISTRY/many:1"
    [ "$status" -eq 0 ]
    id=$output
    [[ $stderr == *linux/arm64* && $stderr == *linux/arm/v7* && $stderr == *linux/amd64* ]]
    run imgc images --format '{{.Repository}}:{{.Tag}} {{.Platform}}' --sort id
    [ "$(sort <<<"$output")" = "$(printf '%s\n' "$REGISTRY/many:1 linux/amd64" \
        "$REGISTRY/many:1 linux/arm/v7" "$REGISTRY/many:1 linux/arm64")" ]
    # the platform is a column of its own
    imgc images --all | grep -q ' PLATFORM '
    imgc images --all | grep -q 'linux/arm/v7'
    ! imgc images | grep -q PLATFORM || false
    # what the name means here is this host's, and that is the one that pull has named
    [ "$(imgc inspect --format '{{.Id}}' "$REGISTRY/many:1")" = "$id" ]
    if [ "$(uname -m)" = x86_64 ]; then
        [ "$(platform_in "$REGISTRY/many:1")" = linux/amd64 ]
    fi
    # nothing is left to fetch
    run --separate-stderr imgc pull --all-platforms "$REGISTRY/many:1"
    [ "$status" -eq 0 ]
    [[ $stderr == *"up to date"* ]]
    run --separate-stderr imgc pull --progress json --all-platforms "$REGISTRY/many:1"
    [ "$(grep '^{' <<<"$stderr" | jq -r 'select(.event == "platform").platform' | sort | xargs)" = \
        "linux/amd64 linux/arm/v7 linux/arm64" ]
    imgc verify
}

@test "run --platform takes the image of that platform, without asking the registry" {
    imgc pull -q --all-platforms "$REGISTRY/many:1"
    for platform in linux/arm64 linux/arm/v7 linux/amd64; do
        # the files are this host's in all of them; the environment tells them apart
        run --separate-stderr imgc run --rm --pull never --platform $platform "$REGISTRY/many:1" \
            sh -c 'echo $PLATFORM'
        [ "$status" -eq 0 ]
        [ "$output" = $platform ]
    done
    assert_fails 125 'not for linux/s390x' imgc run --rm --pull never --platform linux/s390x \
        "$REGISTRY/many:1" true
}

@test "platforms that are pulled one after the other share their name; another index takes it" {
    imgc pull -q --platform linux/arm64 "$REGISTRY/many:1"
    [ "$(platform_in "$REGISTRY/many:1")" = linux/arm64 ]
    imgc pull -q --platform linux/amd64 "$REGISTRY/many:1"
    [ "$(imgc images -q | wc -l)" -eq 2 ]
    [ "$(imgc images --filter dangling=true -q | wc -l)" -eq 0 ]
    # a name that is given by hand is one image's
    imgc tag "$REGISTRY/many:1" own
    [ "$(imgc images --format '{{.ID}}' own | wc -l)" -eq 1 ]
    # and one that moves is no longer theirs
    imgc tag "$(imgc pull -q "$REGISTRY/alone:1")" "$REGISTRY/many:1"
    [ "$(imgc images --format '{{.ID}}' "$REGISTRY/many" | wc -l)" -eq 1 ]
}

@test "rmi of a name removes the images of all platforms" {
    imgc pull -q --all-platforms "$REGISTRY/many:1"
    imgc rmi "$REGISTRY/many:1"
    [ -z "$(imgc images -aq)" ]
    assert_store_clean
    imgc pull -q --all-platforms "$REGISTRY/many:1"
    imgc untag "$REGISTRY/many:1"
    [ "$(imgc images --filter dangling=true -q | wc -l)" -eq 3 ]
}

# id_for PLATFORM: the image that is for it.
id_for() {
    imgc images --all --format '{{.Platform}} {{.ID}}' | awk -v want="$1" '$1 == want {print $2}' | sort -u
}

@test "rmi of a name leaves what has another name, and nothing without one" {
    imgc pull -q --all-platforms "$REGISTRY/many:1"
    imgc tag "$REGISTRY/many:1" mine
    run imgc rmi "$REGISTRY/many:1"
    [ "$status" -eq 0 ]
    [[ $output == *"Untagged: $REGISTRY/many:1"* && $output == *"Deleted: "* ]]
    [ "$(imgc images --all --format '{{.Repository}}')" = mine ]
    imgc rmi mine
    assert_store_clean
}

@test "rmi takes this host's image first: one that is used keeps those of the other platforms" {
    imgc pull -q --all-platforms "$REGISTRY/many:1"
    imgc create --name user "$REGISTRY/many:1" true
    assert_fails 2 'used by' imgc rmi "$REGISTRY/many:1"
    [ "$(imgc images --format '{{.ID}}' "$REGISTRY/many:1" | wc -l)" -eq 3 ]
    imgc rm user
    imgc rmi "$REGISTRY/many:1"
    [ -z "$(imgc images -aq)" ]
}

@test "untag by ID takes a name from that platform's image alone" {
    local arm name=$REGISTRY/many:1
    imgc pull -q --all-platforms "$name"
    arm=$(id_for linux/arm64)
    [ -n "$arm" ]
    imgc untag "$arm"
    [ "$(imgc images --filter dangling=true -q)" = "$arm" ]
    [ "$(imgc images --format '{{.ID}}' "$name" | wc -l)" -eq 2 ]
    assert_fails 1 "has no name $name" imgc untag "$arm" "$name"
    imgc pull -q --all-platforms "$name"
    imgc untag "$arm" "$name"
    [ "$(imgc images --filter dangling=true -q)" = "$arm" ]
    imgc untag "$name" "$name"
    [ "$(imgc images --filter dangling=true -q | wc -l)" -eq 3 ]
}

@test "--all-platforms of one image is that image; with --platform it is refused" {
    imgc pull -q --all-platforms "$REGISTRY/alone:1"
    [ "$(imgc images -q | wc -l)" -eq 1 ]
    assert_fails 1 'exclude each other' imgc pull --all-platforms --platform linux/arm64 "$REGISTRY/many:1"
}

# Of each index, given as its platforms, the one that is taken for each wish. Both must say the same.
choices() {
    local image=$IMAGES/busybox:one args=() platform
    for platform in $1; do args+=("$image" "=linux/$platform"); done
    python3 "$E2E_LIB/push-index.py" "$REGISTRY" "variants:$2" "${args[@]}"
    for platform in arm/v5 arm/v6 arm/v7 arm/v8 arm64/v8 amd64/v1 amd64/v2 amd64/v3; do
        skopeo inspect --tls-verify=false --override-os linux --override-arch "${platform%/*}" \
            --override-variant "${platform#*/}" --config --raw "docker://$REGISTRY/variants:$2" \
            2>/dev/null >"$BATS_TEST_TMPDIR/config" || true
        jq -r --arg want "$platform" '$want + " " + .architecture + "/" + (.variant // "")' \
            <"$BATS_TEST_TMPDIR/config" >>"$BATS_TEST_TMPDIR/theirs"
        imgc pull -q --platform "linux/$platform" "$REGISTRY/variants:$2" 2>/dev/null \
            >"$BATS_TEST_TMPDIR/id" || continue
        imgc inspect --format "$platform {{.Architecture}}/{{.Variant}}" \
            "$(cat "$BATS_TEST_TMPDIR/id")" >>"$BATS_TEST_TMPDIR/ours"
    done
}

@test "of variants the same is chosen as skopeo chooses" {
    choices "arm/v5 arm/v6 arm/v7 arm64" 1
    choices "arm/v8 arm/v6 arm" 2
    choices "amd64 amd64/v2 amd64/v3" 3
    choices "amd64/v3 arm/v7 amd64/v2" 4
    diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -eq 16 ]
}

# A layout with two entries, whose names are the architectures. It is in $layout.
make_layout() {
    local arch
    layout=$BATS_TEST_TMPDIR/layout
    for arch in arm64 amd64; do
        skopeo copy -q --insecure-policy --src-tls-verify=false --override-os linux --override-arch $arch \
            "docker://$REGISTRY/many:1" "oci:$layout:$arch"
    done
}

# change_index FILTER: its index through jq; named(NAME) is an entry under that name, for its platform.
change_index() {
    jq 'def named($name): .platform = {os: "linux", architecture: .annotations["org.opencontainers.image.ref.name"]}
        | .annotations["org.opencontainers.image.ref.name"] = $name; '"$1" "$layout/index.json" >"$layout/new"
    mv "$layout/new" "$layout/index.json"
}

@test "load takes of one name's platforms this host's, or the one that --platform says" {
    make_layout
    # as others write it: one name for both, which the platform tells apart
    change_index '.manifests |= map(named("example.com/many:1"))'
    imgc load -i "$layout"
    [ "$(imgc images -q | wc -l)" -eq 1 ]
    if [ "$(uname -m)" = x86_64 ]; then
        [ "$(platform_in example.com/many:1)" = linux/amd64 ]
    fi
    imgc rmi -a
    imgc load --platform linux/arm64 -i "$layout"
    [ "$(platform_in example.com/many:1)" = linux/arm64 ]
    assert_fails 1 'no image for linux/s390x' imgc load --platform linux/s390x -i "$layout"
}

@test "load gives each of two names of the same images for several platforms" {
    make_layout
    change_index '.manifests |= map(named("example.com/app:1")) + map(named("example.com/app:2"))'
    imgc load -i "$layout"
    [ "$(imgc images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)" = "example.com/app:1 example.com/app:2" ]
    [ "$(imgc images -aq | sort -u | wc -l)" -eq 1 ]
}

@test "load puts another platform's image beside those of its name, and takes the name from none" {
    local index hex
    make_layout
    # one index under one name, as containerd and buildx write it
    index=$(jq -c '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [.manifests[]
        | {mediaType, digest, size, platform: {os: "linux", architecture: .annotations["org.opencontainers.image.ref.name"]}}]}' \
        "$layout/index.json")
    hex=$(printf %s "$index" | sha256sum | cut -d' ' -f1)
    printf %s "$index" >"$layout/blobs/sha256/$hex"
    change_index ".manifests = [{mediaType: \"application/vnd.oci.image.index.v1+json\", digest: \"sha256:$hex\",
        size: ${#index}, annotations: {\"org.opencontainers.image.ref.name\": \"example.com/many:1\"}}]"
    imgc load --platform linux/amd64 -i "$layout"
    imgc load --platform linux/arm64 -i "$layout"
    both="linux/amd64 linux/arm64"
    [ "$(imgc images --format '{{.Platform}}' example.com/many:1 | sort | xargs)" = "$both" ]
    # an archive of one of them is no other image, whatever its manifest is
    for platform in amd64 arm64; do
        imgc save -q -o "$BATS_TEST_TMPDIR/$platform.tar" "$(id_for linux/$platform)"
        mkdir "$BATS_TEST_TMPDIR/$platform"
        tar -xf "$BATS_TEST_TMPDIR/$platform.tar" -C "$BATS_TEST_TMPDIR/$platform"
        jq -c '.[].RepoTags = ["example.com/many:1"]' "$BATS_TEST_TMPDIR/$platform/manifest.json" >"$BATS_TEST_TMPDIR/new"
        mv "$BATS_TEST_TMPDIR/new" "$BATS_TEST_TMPDIR/$platform/manifest.json"
        imgc load -i "$BATS_TEST_TMPDIR/$platform"
        [ "$(imgc images --format '{{.Platform}}' example.com/many:1 | sort | xargs)" = "$both" ]
    done
    imgc rmi "$(id_for linux/arm64)"
    assert_fails 1 'another image here' imgc load -i "$BATS_TEST_TMPDIR/arm64"
    imgc load --replace -i "$BATS_TEST_TMPDIR/arm64"
    [ "$(imgc images --format '{{.Platform}}' example.com/many:1)" = linux/arm64 ]
}
