# SPDX-License-Identifier: Apache-2.0
# load and save: archives of docker, podman, skopeo and buildah come in, and ours are read by them.

load lib/common

setup_file() {
    have_images busybox
    start_registry
}

teardown_file() {
    stop_registry
}

setup() {
    new_store
    cd "$BATS_TEST_TMPDIR" || return 1
}

other() { # the same with a second store
    "$IMGC" --root "$BATS_TEST_TMPDIR/other" --runroot "$BATS_TEST_TMPDIR/other-run" "$@"
}

require_data() {
    [ -d "$TEST_DATA/images" ] || skip "no test data"
}

# A layout whose blobs are links, as busybox publishes it: in the data they are files with the
# link's text.
busybox_layout() {
    cp -r --no-preserve=mode "$TEST_DATA/busybox/latest/glibc/amd64" "$1"
    local blob target
    for blob in "$1"/blobs/sha256/*; do
        target=$(cat "$blob")
        ln -sf "$target" "$blob"
    done
}

id_of() {
    imgc inspect --format '{{.Id}}' "$1" | sed 's/^sha256://'
}

@test "an archive of docker's, plain, compressed and through a pipe, has the same image" {
    skopeo copy -q --insecure-policy "oci:$IMAGES/busybox:three" docker-archive:a.tar:app:1
    run -0 imgc load -i a.tar
    [ "$output" = "Loaded image: docker.io/library/app:1" ]
    local id
    id=$(id_of app:1)
    [ "sha256:$id" = "$(skopeo inspect --raw "oci:$IMAGES/busybox:three" | jq -r .config.digest)" ]
    gzip -k a.tar
    xz -k a.tar
    zstd -q a.tar
    for f in a.tar.gz a.tar.xz a.tar.zst; do
        new_store
        STORE=$STORE-$f
        run -0 imgc load -q -i "$f"
        [ "$output" = "docker.io/library/app:1" ]
        [ "$(id_of app:1)" = "$id" ]
    done
    STORE=$STORE-pipe
    cat a.tar.gz | imgc load
    [ "$(id_of app:1)" = "$id" ]
}

@test "layouts and oci-archives keep their digests: a later pull fetches no layer" {
    push "$IMAGES/busybox:three" app:1
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/app:1" "oci-archive:a.oci:$REGISTRY/app:1"
    run -0 imgc load -i a.oci
    [ "$output" = "Loaded image: $REGISTRY/app:1" ]
    : >"$REGISTRY_LOG"
    imgc pull "$REGISTRY/app:1"
    ! grep '"GET /v2/app/blobs' "$REGISTRY_LOG" || false
    [ "$(imgc images -q | wc -l)" = 1 ]
    # a layout without names: by ID
    skopeo copy -q --insecure-policy "oci:$IMAGES/busybox:one" oci:layout:one
    run -0 imgc load -i layout
    [[ "$output" = "Loaded image ID: sha256:"* ]]
}

@test "what is saved is read by skopeo and umoci, with the same ID and the same files" {
    imgc load -i "$IMAGES/busybox" -q >ids
    local id
    id=$(sed -n 3p ids)
    imgc tag "$id" app:1
    imgc save -o docker.tar app:1
    imgc save --format oci-archive app:1 >oci.tar
    imgc save --format oci-dir -o layout app:1
    [ "$(skopeo inspect --config --raw docker-archive:docker.tar | sha256sum | cut -d' ' -f1)" = "${id#sha256:}" ]
    [ "$(skopeo inspect --raw oci-archive:oci.tar | jq -r .config.digest)" = "$id" ]
    [ "$(skopeo inspect --raw oci:layout | jq -r .config.digest)" = "$id" ]
    if [ "$(id -u)" = 0 ]; then
        skopeo copy -q --insecure-policy oci:layout oci:umoci:x
        umoci raw unpack --image umoci:x theirs >/dev/null 2>&1
        imgc unpack app:1 ours
        diff <(python3 "$E2E_LIB/tree-manifest.py" theirs) <(python3 "$E2E_LIB/tree-manifest.py" ours)
    fi
}

@test "podman loads what is saved, and what podman saves is loaded" {
    require_containers
    command -v podman >/dev/null || skip "no podman"
    local p=(podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/pr" --storage-driver vfs)
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    imgc save -o ours.tar app:1
    "${p[@]}" load -q -i ours.tar
    [ "$("${p[@]}" images --no-trunc -q app:1 2>/dev/null | sed 's/^sha256://')" = "$(id_of app:1)" ]
    "${p[@]}" save -q -o theirs.tar app:1
    "${p[@]}" save -q --format oci-archive -o theirs.oci app:1
    other load -i theirs.tar
    other load --replace -i theirs.oci
    other run --rm app:1 true
}

@test "save, load, save: the same bytes, for all archives and layouts at hand" {
    require_data
    busybox_layout busybox
    local n=0 f
    for f in busybox "$TEST_DATA"/images/dive/test-{docker,kaniko}-image.tar \
        "$TEST_DATA"/images/dive/test-oci-{gzip,zstd,estargz,uncompressed}-image.tar \
        "$TEST_DATA"/images/ggcr/tarball/testdata/{test_bundle,test_link,hello-world-v25}.tar \
        "$TEST_DATA"/images/ggcr/mutate/testdata/{source_image,whiteout_image,overwritten_file}.tar \
        "$TEST_DATA"/images/container-libs/common/libimage/testdata/docker-two-{names,images}.tar.xz; do
        STORE=$BATS_TEST_TMPDIR/store$n
        rm -rf other other-run once.tar twice.tar
        imgc load -q -i "$f" >names
        mapfile -t names <names
        [ "${#names[@]}" -ge 1 ]
        for format in docker-archive oci-archive; do
            imgc save --format "$format" -o once.tar "${names[@]}"
            other load -q --replace -i once.tar >back
            [ "$(sort -u names | wc -l)" = "$(sort -u back | wc -l)" ]
            other save --format "$format" -o twice.tar "${names[@]}"
            cmp once.tar twice.tar
        done
        n=$((n + 1))
    done
    [ "$n" = 15 ]
}

@test "punched layers are saved whole" {
    require_root
    export IMGC_LAYERS=directory
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    wait_idle
    imgc save -o a.tar app:1
    tar xf a.tar
    (cd blobs/sha256 && sha256sum * | while read -r sum name; do [ "$sum" = "$name" ] || exit 1; done)
}

@test "a name that another image has moves with --replace only" {
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    local id
    id=$(id_of app:1)
    skopeo copy -q --insecure-policy "oci:$IMAGES/busybox:one" docker-archive:a.tar:app:1
    run -1 imgc load -i a.tar
    [[ "$output" = *"app:1"*"--replace"* ]]
    [ "$(id_of app:1)" = "$id" ]
    imgc load --replace -i a.tar
    [ "$(id_of app:1)" != "$id" ]
    imgc load -i a.tar # the same one
}

@test "bad archives: one line, nothing in the store" {
    printf 'no tar' >junk
    mkdir empty
    tar cf other.tar -C "$E2E_LIB" common.bash
    skopeo copy -q --insecure-policy "oci:$IMAGES/busybox:three" docker-archive:a.tar:app:1
    head -c 100000 a.tar >cut.tar
    mkdir x && tar xf a.tar -C x
    # another layer in its place
    local layer
    layer=$(jq -r '.[0].Layers[0]' x/manifest.json)
    cp "$E2E_LIB/common.bash" "x/$layer"
    tar cf wrong.tar -C x .
    rm "x/$layer"
    ln -s "$layer" "x/$layer"
    tar cf circle.tar -C x .
    rm "x/$layer"
    ln -s ../../../../../../etc/passwd "x/$layer"
    tar cf out.tar -C x .
    rm "x/$layer"
    tar cf missing.tar -C x .
    for f in junk empty other.tar cut.tar wrong.tar circle.tar out.tar missing.tar x nowhere /dev/zero; do
        run -1 imgc load -i "$f"
        [ "${#lines[@]}" = 1 ]
        [[ "$output" = "Error: "* ]]
    done
    run -0 imgc images -q -a
    [ -z "$output" ]
    wait_idle
    [ -z "$(ls -A "$STORE/layers")$(ls -A "$STORE/tmp")" ]
}

@test "what cannot be saved: one line, nothing left behind" {
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    run -1 imgc save -o out.tar app:1 nosuch
    [[ "$output" = *nosuch* ]]
    run -1 imgc save -o out.tar --format zip app:1
    run -1 imgc save --format oci-dir app:1
    run -1 imgc save -o nowhere/out.tar app:1
    mkdir there
    run -1 imgc save --format oci-dir -o there app:1
    [[ "$output" = *"there"*"exists"* ]]
    ! compgen -G 'out.tar*' || false
    [ -z "$(ls -A there)" ]
    run -0 bash -c "'$IMGC' --root '$STORE' --runroot '$RUNROOT' save app:1 | head -c 10 | wc -c"
    # a disk that is full: the half archive is gone
    require_root
    mkdir small
    mount -t tmpfs -o size=500k none small
    run imgc save -o small/out.tar app:1
    ls -A small >left
    umount small
    [ "$status" = 1 ]
    [ ! -s left ]
}

# A layout of the images NAME=TEXT..., each with one layer that has TEXT many times.
layout_of() {
    python3 - "$@" <<'END'
import hashlib, io, json, os, sys, tarfile
out = sys.argv[1]
os.makedirs(out + "/blobs/sha256")

def put(kind, data):
    name = hashlib.sha256(data).hexdigest()
    with open(out + "/blobs/sha256/" + name, "wb") as f:
        f.write(data)
    kind = "application/vnd.oci.image." + kind
    return {"mediaType": kind, "digest": "sha256:" + name, "size": len(data)}

manifests = []
for word in sys.argv[2:]:
    name, text = word.split("=")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        info = tarfile.TarInfo("file")
        info.size = 1 << 20
        t.addfile(info, io.BytesIO((text.encode() or b"\0") * info.size))
    layer = put("layer.v1.tar", tar.getvalue())
    config = {"architecture": "amd64", "os": "linux", "author": name, "config": {},
              "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
    manifest = {"schemaVersion": 2, "config": put("config.v1+json", json.dumps(config).encode()), "layers": [layer]}
    manifests.append(put("manifest.v1+json", json.dumps(manifest).encode()))
    manifests[-1]["annotations"] = {"org.opencontainers.image.ref.name": name}
with open(out + "/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": manifests}, f)
END
}

@test "an image that cannot be loaded fails the load, though another one came" {
    layout_of layout one:1=x two:1=
    grep -LZ xxxx layout/blobs/sha256/* | xargs -0 -I{} sh -c 'cp --sparse=always {} s && mv s {}'
    tar cSf a.tar -C layout .
    run -1 imgc load -i a.tar
    [[ "$output" = *"two:1"*"sparse"* ]]
}

@test "each manifest of an archive is read a few times, however many images there are" {
    command -v strace >/dev/null || skip "needs strace"
    strace -o /dev/null true || skip "strace is not allowed here"
    # shellcheck disable=SC2046
    layout_of layout $(seq -f 'app:%g=x' 40)
    python3 - <<'END'
import json
images = []
for d in json.load(open("layout/index.json"))["manifests"]:
    path = lambda d: "blobs/" + d["digest"].replace(":", "/")
    m = json.load(open("layout/" + path(d)))
    images.append({"Config": path(m["config"]), "RepoTags": [d["annotations"]["org.opencontainers.image.ref.name"]],
                   "Layers": [path(l) for l in m["layers"]]})
json.dump(images, open("layout/manifest.json", "w"))
END
    ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=openat2 "$IMGC" --root "$STORE" \
        --runroot "$RUNROOT" load -q -i layout >names
    [ "$(wc -l <names)" = 40 ]
    # the config and twice the manifest of each, and a few more
    [ "$(grep -c '"blobs/' trace)" -le 150 ] || { grep -c '"blobs/' trace; return 1; }
    [ "$(jq -r '.manifests[7].digest' layout/index.json)" = "$(imgc inspect --format '{{.Digest}}' app:8)" ]
}

@test "--platform refuses an image that is for another one" {
    layout_of layout one:1=x
    run -1 imgc load --platform linux/arm64 -i layout
    [[ "$output" = *"linux/amd64, not for linux/arm64"* ]]
    [ -z "$(imgc images -q -a)" ]
    run -0 imgc load --platform linux/amd64 -i layout
}

@test "what members of an archive bring along stays out of memory" {
    python3 - <<'END'
import tarfile
value = "v" * 60000
with tarfile.open("a.tar.gz", "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as t:
    for i in range(1500):
        info = tarfile.TarInfo("member%d" % i)
        info.pax_headers = {"SCHILY.xattr.user.%d" % j: value for j in range(8)}
        t.addfile(info)
END
    run python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" load -i a.tar.gz
    echo "$output"
    [[ "${lines[0]}" = *"no archive of images"* ]]
    [ "${lines[-1]}" -lt 450000 ] # kB; the archive has 720 MB of them
}

@test "load and save tell how it goes where they are asked to, or on a terminal" {
    layout_of layout one:1=x two:1=y
    run --separate-stderr imgc load -i layout
    [ -z "$stderr" ]
    other load --progress json -i layout >/dev/null 2>lines
    [ "$(jq -rs 'map(select(.event == "layer" and .stage == "done") | [.layer, .layers, .current == .total]) | unique | tojson' lines)" = '[[1,1,true]]' ]
    [ "$(jq -s 'map(select(.stage == "done")) | length' lines)" = 2 ]
    [ "$(jq -s 'map(select(.stage == "loading")) | length' lines)" -ge 2 ]
    other load -q --progress json -i layout 2>lines >/dev/null
    [ ! -s lines ]
    other load --progress json -i layout >/dev/null 2>lines
    [ "$(jq -s 'map(select(.stage == "exists")) | length' lines)" = 2 ]
    run --separate-stderr other save --progress plain -o a.tar one:1 two:1
    [[ "$stderr" = *"layer 1/1 "*": saving (1.05"*"layer 1/1 "*": done ("* ]]
    run --separate-stderr other save -o a.tar one:1
    [ -z "$stderr" ]
    script -qec "'$IMGC' --root '$BATS_TEST_TMPDIR/other' --runroot '$BATS_TEST_TMPDIR/other-run' save -o a.tar one:1" /dev/null >screen
    grep -q '\[=*.*done' screen
    run -1 other load --progress much -i layout
    [[ "$output" = *"auto, plain, json or none"* ]]
}

@test "where save and export write: links, open files, closed ones, directories of others" {
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    imgc create --name box app:1 true >/dev/null
    local command what
    for what in "save app:1" "export box"; do
        read -ra command <<<"$what"
        rm -rf w && mkdir -p w/real
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" "${command[@]}" >w/want
        # the link stays, what it leads to is replaced and keeps its mode
        echo old >w/real/a.tar
        chmod 600 w/real/a.tar
        ln -s real/a.tar w/link
        imgc "${command[@]}" -o w/link
        [ -L w/link ] && cmp w/want w/real/a.tar
        [ "$(stat -c %a w/real/a.tar)" = 600 ]
        # a link to nothing yet
        ln -s real/b.tar w/dangling
        (cd w && imgc "${command[@]}" -o dangling)
        [ -L w/dangling ] && cmp w/want w/real/b.tar
        # open files are written to, never replaced
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" "${command[@]}" -o /dev/stdout | cmp w/want -
        [ -L /dev/stdout ]
        { echo first; "$IMGC" --root "$STORE" --runroot "$RUNROOT" "${command[@]}" -o /dev/stdout; } >w/both
        (echo first; cat w/want) | cmp - w/both
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" "${command[@]}" -o /dev/fd/9 9>w/nine
        cmp w/want w/nine
        mkfifo w/pipe
        cat w/pipe >w/piped &
        imgc "${command[@]}" -o w/pipe
        wait $!
        [ -p w/pipe ] && cmp w/want w/piped
        run -1 bash -c "'$IMGC' --root '$STORE' --runroot '$RUNROOT' $what >&-"
        [[ "$output" = *"standard output"* ]]
        [ -z "$(find w w/real -maxdepth 1 -name '*imgc-*')" ]
    done
}

@test "somebody else's link in a directory of everybody's leads nowhere" {
    require_root
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    imgc create --name box app:1 true >/dev/null
    local command what
    for what in "save app:1" "export box"; do
        read -ra command <<<"$what"
        rm -rf w && mkdir -p w/real w/plain && mkdir -m 1777 w/shared
        echo old >w/real/a.tar
        ln -s ../real/a.tar w/shared/theirs
        ln -s ../real/b.tar w/shared/dangling
        ln -s ../real/c.tar w/shared/mine
        ln -s ../real/d.tar w/plain/theirs
        ln -s shared/theirs w/through
        chown -h 12345 w/shared/theirs w/shared/dangling w/plain/theirs
        for link in shared/theirs shared/dangling through; do
            assert_fails 1 "somebody else's link" imgc "${command[@]}" -o "w/$link"
        done
        [ "$(cat w/real/a.tar)" = old ] && [ ! -e w/real/b.tar ]
        # as the kernel has it: one's own, and in directories that are no such ones
        imgc "${command[@]}" -o w/shared/mine
        imgc "${command[@]}" -o w/plain/theirs
        [ -s w/real/c.tar ] && cmp w/real/c.tar w/real/d.tar
        # and those of the directory's owner
        chown 12345 w/shared
        imgc "${command[@]}" -o w/shared/theirs
        cmp w/real/c.tar w/real/a.tar
        [ "$(find w -type f | wc -l)" = 3 ]
    done
}

@test "save to a file that is a mount, or beside what a killed one left" {
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" save app:1 >want
    # shellcheck disable=SC2016
    bash -c 'echo half >"out.tar.imgc-$$"; exec "$0" "$@" -o out.tar' "$IMGC" --root "$STORE" --runroot "$RUNROOT" save app:1
    cmp want out.tar
    [ "$(cat out.tar.imgc-*)" = half ]
    require_root_mount
    mkdir w
    head -c 9999999 /dev/zero >real
    touch w/mounted
    unshare -m --propagation private bash -c 'mount --bind real w/mounted && exec "$@"' bash \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" save -o w/mounted app:1
    cmp want real
    [ "$(ls w)" = mounted ]
}

@test "what save says is there is on the disk" {
    command -v strace >/dev/null || skip "needs strace"
    imgc import "$IMAGES/busybox.tar" app:1 >/dev/null
    run strace -f -o trace -e trace=fsync,rename,renameat,renameat2 true
    [ "$status" -eq 0 ] || skip "strace is not allowed here"
    ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=fsync,rename,renameat,renameat2 \
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" save -o out.tar app:1
    grep -n 'fsync' trace
    [ "$(sed -n '/rename.*out.tar/=' trace)" -gt "$(sed -n '/fsync/=' trace | head -n 1)" ]
    [ "$(sed -n '/fsync/=' trace | tail -n 1)" -gt "$(sed -n '/rename.*out.tar/=' trace)" ]
}

@test "an interrupted save ends, whoever reads it or not" {
    layout_of layout one:1=x
    imgc load -q -i layout
    mkfifo pipe
    exec 8<>pipe # reads nothing
    "$IMGC" --root "$STORE" --runroot "$RUNROOT" save -o pipe one:1 3>&- 8>&- &
    local saver=$! status=0
    head -c 1 <&8 >first # it is at it, and the pipe has no room for all
    [ -s first ]
    kill -TERM "$saver"
    timeout 60 tail --pid="$saver" -f /dev/null || kill -9 "$saver"
    wait "$saver" || status=$?
    exec 8>&-
    [ "$status" = 143 ]
}

@test "load is interrupted while it waits for a pipe" {
    mkfifo pipe
    run -130 timeout -k 60 --preserve-status -s INT 2 "$IMGC" --root "$STORE" --runroot "$RUNROOT" load -i pipe
}
