# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear line, the right status, nothing half-made in the store.

load lib/common

setup_file() {
    have_images busybox
    python3 "$E2E_LIB/hostile-registry.py" "$IMAGES/busybox:three" "$BATS_FILE_TMPDIR/port" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/pid"
    for _ in $(seq 100); do [ -s "$BATS_FILE_TMPDIR/port" ] && break; sleep 0.1; done
    HOSTILE=127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
    export HOSTILE
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

setup() {
    new_store
}

nasty() {
    python3 "$E2E_LIB/nasty-tar.py" "$1" >"$BATS_TEST_TMPDIR/$1.tar"
}

# Nothing of a failed command is listed or kept.
nothing_left() {
    [ -z "$(imgc images -aq)" ]
    imgc prune -f >/dev/null
    wait_idle
    [ -z "$(ls -A "$STORE/layers" 2>/dev/null)" ]
    [ -z "$(ls -A "$STORE/tmp")" ]
    [ -z "$(find "$STORE/blobs" -type f)" ]
}

@test "layers that try to leave the root are refused" {
    for kind in dotdot dotdot-deep hardlink-out hardlink-missing hardlink-to-directory whiteout-empty \
        whiteout-dot whiteout-dotdot root-is-symlink root-is-file long-component deep \
        symlink-loop-parent; do
        nasty $kind
        echo "kind: $kind"
        assert_fails 1 "$kind.tar" imgc import "$BATS_TEST_TMPDIR/$kind.tar" x
        nothing_left
    done
    [ ! -e "$BATS_TEST_TMPDIR/escape" ] && [ ! -e "$STORE/escape" ]
}

@test "links stay inside the root" {
    require_root
    for kind in absolute symlink-absolute-parent symlink-up-parent hardlink-absolute; do
        nasty $kind
        imgc import "$BATS_TEST_TMPDIR/$kind.tar" x:$kind >/dev/null
        rm -rf "$BATS_TEST_TMPDIR/out"
        imgc unpack x:$kind "$BATS_TEST_TMPDIR/out"
        [ -e "$BATS_TEST_TMPDIR/out/inside" ] || { echo "$kind"; return 1; }
        [ ! -e /inside ]
    done
    nasty symlink-then-write-through
    imgc import "$BATS_TEST_TMPDIR/symlink-then-write-through.tar" x:w >/dev/null
    rm -rf "$BATS_TEST_TMPDIR/out"
    imgc unpack x:w "$BATS_TEST_TMPDIR/out"
    [ ! -L "$BATS_TEST_TMPDIR/out/victim" ] # replaced, not written through
    grep -q root: /etc/passwd
    nasty whiteout-device
    imgc import "$BATS_TEST_TMPDIR/whiteout-device.tar" x:wd >/dev/null
    rm -rf "$BATS_TEST_TMPDIR/out"
    imgc unpack x:wd "$BATS_TEST_TMPDIR/out"
    [ ! -e "$BATS_TEST_TMPDIR/out/ghost" ]
}

@test "names of a layer cannot write to the terminal" {
    nasty escape-sequence
    imgc import "$BATS_TEST_TMPDIR/escape-sequence.tar" x >/dev/null
    cp "$BATS_TEST_TMPDIR/escape-sequence.tar" "$BATS_TEST_TMPDIR/cut.tar"
    truncate -s 700 "$BATS_TEST_TMPDIR/cut.tar"
    run imgc import "$BATS_TEST_TMPDIR/cut.tar" y
    [ "$status" -eq 1 ]
    [[ $output != *$'\033'* ]]
    run imgc import "$BATS_TEST_TMPDIR/$(printf 'no\033[31msuch')" y
    [[ $output != *$'\033'* ]]
}

@test "what is no root file system" {
    head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
    assert_fails 1 'noise' imgc import "$BATS_TEST_TMPDIR/noise" x
    : >"$BATS_TEST_TMPDIR/empty"
    assert_fails 1 'empty' imgc import "$BATS_TEST_TMPDIR/empty" x
    echo text | gzip >"$BATS_TEST_TMPDIR/text.gz"
    assert_fails 1 'text.gz' imgc import "$BATS_TEST_TMPDIR/text.gz" x
    gzip -c "$IMAGES/busybox.tar" | head -c 300000 >"$BATS_TEST_TMPDIR/cut.gz"
    assert_fails 1 'cut.gz' imgc import "$BATS_TEST_TMPDIR/cut.gz" x
    gzip -c "$IMAGES/busybox.tar" >"$BATS_TEST_TMPDIR/flip.gz"
    printf 'X' | dd of="$BATS_TEST_TMPDIR/flip.gz" bs=1 seek=200000 conv=notrunc status=none
    assert_fails 1 'flip.gz' imgc import "$BATS_TEST_TMPDIR/flip.gz" x
    head -c 300000 "$IMAGES/busybox.tar" >"$BATS_TEST_TMPDIR/cut.tar"
    assert_fails 1 'cut.tar' imgc import "$BATS_TEST_TMPDIR/cut.tar" x
    assert_fails 1 'no/such/file' imgc import "$BATS_TEST_TMPDIR/no/such/file" x
    nothing_left
}

@test "--sha256 is checked first" {
    good=$(sha256sum <"$IMAGES/busybox.tar" | cut -d' ' -f1)
    imgc import --sha256 "$good" "$IMAGES/busybox.tar" x >/dev/null
    imgc rmi x >/dev/null
    bad=${good%?}$([ "${good: -1}" = 0 ] && echo 1 || echo 0)
    assert_fails 1 "$good" imgc import --sha256 "$bad" "$IMAGES/busybox.tar" x
    assert_fails 1 'sha256' imgc import --sha256 xyz "$IMAGES/busybox.tar" x
    run --separate-stderr imgc import --sha256 "$bad" - x <"$IMAGES/busybox.tar"
    [ "$status" -eq 1 ]
    nothing_left
}

@test "bad -c, bad names" {
    assert_fails 1 'NONSENSE' imgc import -c 'NONSENSE x' "$IMAGES/busybox.tar" x
    assert_fails 1 'STOPSIGNAL.*NOPE' imgc import -c 'STOPSIGNAL NOPE' "$IMAGES/busybox.tar" x
    assert_fails 1 'ENV' imgc import -c 'ENV' "$IMAGES/busybox.tar" x
    assert_fails 1 'UPPER' imgc import "$IMAGES/busybox.tar" lower/UPPER
    assert_fails 1 'a b' imgc import "$IMAGES/busybox.tar" 'a b'
    assert_fails 1 '' imgc pull 'bad//name'
    assert_fails 1 '' imgc pull "x@sha256:1234"
    nothing_left
}

@test "hostile manifests are refused" {
    imgc pull -q "$HOSTILE/good" >/dev/null
    imgc rmi -af >/dev/null
    for kind in garbage html duplicate-keys case-keys both wrong-type negative traversal upper \
        artifact many more-layers schema1 deep; do
        echo "kind: $kind"
        assert_fails 1 "$HOSTILE" imgc pull "$HOSTILE/$kind"
        [[ $stderr != *$'\033'* ]]
        nothing_left
    done
}

@test "a manifest of 100 MB costs neither memory nor time" {
    assert_fails 1 'huge' timeout 20 "$IMGC" --root "$STORE" --runroot "$RUNROOT" pull "$HOSTILE/huge"
    nothing_left
}

@test "refusals, missing names and broken servers are told apart" {
    assert_fails 1 'refused.*(login|denied|access)|access' imgc pull "$HOSTILE/refused"
    [[ $stderr != *$'\033'* ]]
    assert_fails 1 'forbidden' imgc pull "$HOSTILE/forbidden"
    assert_fails 1 'nothere' imgc pull "$HOSTILE/nothere"
    assert_fails 1 'redirect' imgc pull "$HOSTILE/redirect-loop"
    assert_fails 1 '' imgc pull "$HOSTILE/to-file"
    nothing_left
}

@test "a server that fails is tried again, then reported" {
    assert_fails 1 '500' imgc pull "$HOSTILE/broken-server"
    assert_fails 1 '' imgc pull "$HOSTILE/short-blob"
    nothing_left
}

@test "unknown options, commands and arguments" {
    assert_fails 1 'frobnicate' imgc frobnicate
    assert_fails 1 'nosuch' imgc images --nosuch
    assert_fails 1 'quite.*quiet' imgc pull --quite x
    assert_fails 1 '' imgc pull
    assert_fails 1 '' imgc tag onlyone
    assert_fails 1 'loud' imgc --log-level loud images
    assert_fails 125 '' imgc run
}

@test "missing images and containers" {
    for c in inspect history rmi untag; do
        assert_fails 1 'nosuch' imgc $c nosuch
    done
    assert_fails 1 'nosuch' imgc tag nosuch other
    assert_fails 1 'nosuch' imgc unpack nosuch "$BATS_TEST_TMPDIR/x"
    assert_fails 1 'nosuch' imgc verify nosuch
    assert_fails 1 'nosuch' imgc rm nosuch
    assert_fails 1 'nosuch' imgc logs nosuch
}

@test "a store that is not ours, or not writable, or not there" {
    mkdir "$BATS_TEST_TMPDIR/open"
    chmod 777 "$BATS_TEST_TMPDIR/open"
    STORE=$BATS_TEST_TMPDIR/open
    assert_fails 1 'open' imgc images
    touch "$BATS_TEST_TMPDIR/file"
    STORE=$BATS_TEST_TMPDIR/file
    assert_fails 1 'file' imgc images
    STORE=$BATS_TEST_TMPDIR/broken
    imgc images >/dev/null
    head -c 100000 /dev/urandom >"$STORE/imgc.db"
    rm -f "$STORE/imgc.db-wal" "$STORE/imgc.db-shm"
    assert_fails 1 'imgc.db|index' imgc images
}

@test "a directory with a file that a layer would read as a whiteout" {
    mkdir -p "$BATS_TEST_TMPDIR/dir/etc"
    echo kept >"$BATS_TEST_TMPDIR/dir/etc/.wh.passwd"
    assert_fails 1 "'etc/.wh.passwd'" imgc import "$BATS_TEST_TMPDIR/dir" x
    nothing_left
    mv "$BATS_TEST_TMPDIR/dir/etc/.wh.passwd" "$BATS_TEST_TMPDIR/dir/etc/x.wh.passwd"
    imgc import "$BATS_TEST_TMPDIR/dir" x >/dev/null
}

@test "an interrupted import ends with the signal's status and leaves nothing" {
    mkfifo "$BATS_TEST_TMPDIR/silent"
    for signal in INT:130 TERM:143 HUP:129; do
        # bash starts what is in the background with SIGINT ignored, which imgc does not inherit
        "$IMGC" --root "$STORE" --runroot "$RUNROOT" import - x <"$BATS_TEST_TMPDIR/silent" &
        pid=$!
        exec 7>"$BATS_TEST_TMPDIR/silent"
        head -c 1000 "$IMAGES/busybox.tar" >&7
        for _ in $(seq 100); do [ -n "$(ls -A "$STORE/tmp" 2>/dev/null)" ] && break; sleep 0.1; done
        kill -"${signal%:*}" $pid
        status=0
        wait $pid || status=$?
        exec 7>&-
        echo "$signal: $status"
        [ "$status" -eq "${signal#*:}" ]
    done
    [ -z "$(ls -A "$STORE/tmp")" ]
    nothing_left
}

@test "a file size limit is an error, not a death" {
    run bash -c "ulimit -f 100; exec '$IMGC' --root '$STORE' --runroot '$RUNROOT' import \
        '$IMAGES/busybox.tar' x"
    [ "$status" -eq 1 ]
    [[ $output == "Error: "* ]]
    nothing_left
}

@test "a library that is missing is named, and missed only by what needs it" {
    mkdir "$BATS_TEST_TMPDIR/lib"
    : >"$BATS_TEST_TMPDIR/lib/libcurl.so.4"
    : >"$BATS_TEST_TMPDIR/lib/libarchive.so.13"
    nasty absolute
    export LD_LIBRARY_PATH=$BATS_TEST_TMPDIR/lib
    assert_fails 1 'cannot load the library libcurl\.so\.4' "$IMGC" --root "$STORE" pull "$HOSTILE/x"
    assert_fails 1 'cannot load the library libarchive\.so\.13' imgc import "$BATS_TEST_TMPDIR/absolute.tar" x
    imgc images
    imgc version | grep -q '^curl *missing$'
    imgc version | grep -q '^libarchive *missing$'
}
