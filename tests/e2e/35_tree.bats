# SPDX-License-Identifier: Apache-2.0
# ls, cat and diff say of an image what its unpacked root says, and never leave it.

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
    DIR=$BATS_TEST_TMPDIR
}

# fetch LAYOUT:TAG NAME: through the registry into the store.
fetch() {
    push "$IMAGES/$1" "$2" && imgc pull -q "$REGISTRY/$2" >/dev/null
}

# Everything below DIR, as `imgc ls -R --zero` names it; find's order is not that of bytes.
found() {
    (cd "$1" && find . -mindepth 1 -printf '/%P\0') | LC_ALL=C sort -z
}

# What -l shows, from the file system: find escapes nothing with -printf to a pipe.
found_long() {
    (cd "$1" && find . -mindepth 1 \( -type d -printf '%M %U:%G 0 %TY-%Tm-%Td %TT /%P\0' \) -o \
        \( -type l -printf '%M %n %U:%G %s %TY-%Tm-%Td %TT /%P -> %l\0' \) -o \
        -printf '%M %n %U:%G %s %TY-%Tm-%Td %TT /%P\0')
}

# Every Nth file of what was unpacked into DIR gives the same bytes: contents IMAGE DIR N
contents() {
    local path n=0
    while IFS= read -r -d '' path; do
        n=$((n + 1))
        imgc cat "$1:$path" | cmp - "$2$path" || { echo "differs: $path"; return 1; }
    done < <(cd "$2" && find . -type f -printf '/%P\0' | LC_ALL=C sort -z | awk -v n="$3" 'BEGIN { RS = ORS = "\0" } NR % n == 1 || n == 1')
    [ "$n" -gt 0 ]
}

# check_tree IMAGE N: names and contents of IMAGE against `imgc unpack`.
check_tree() {
    rm -rf "$DIR/root"
    imgc unpack "$1" "$DIR/root" || return 1
    imgc ls -R --zero "$1" | LC_ALL=C sort -z >"$DIR/ls" || return 1
    found "$DIR/root" | cmp - "$DIR/ls" || return 1
    [ -s "$DIR/ls" ] || return 1
    contents "$1" "$DIR/root" "$2"
}

@test "every image at hand: ls -R names what find finds, cat gives every 50th file" {
    require_root # an ordinary user's unpack leaves devices out
    for image in busybox:one busybox:three debian:bookworm debian:layers; do
        [ -d "$IMAGES/${image%:*}" ] || continue
        every=1
        [ "${image%:*}" != debian ] || every=50
        fetch "$image" "tree/${image/:/-}:x"
        check_tree "$REGISTRY/tree/${image/:/-}:x" "$every" ||
            { echo "differs: $image"; return 1; }
    done
}

@test "published images of other projects list as they unpack" {
    require_root
    require_data images
    n=0
    for source in "$TEST_DATA"/images/oci-tools/*/index.json; do
        rm -rf "$DIR/layout"
        skopeo copy -q --insecure-policy "oci:$(dirname "$source")" "oci:$DIR/layout:x" 2>/dev/null || continue
        skopeo copy -q --insecure-policy --dest-tls-verify=false "oci:$DIR/layout:x" "docker://$REGISTRY/other:x$n"
        imgc pull -q "$REGISTRY/other:x$n" >/dev/null
        rm -rf "$DIR/root"
        imgc unpack "$REGISTRY/other:x$n" "$DIR/root"
        found "$DIR/root" >"$DIR/found"
        imgc ls -R --zero "$REGISTRY/other:x$n" | LC_ALL=C sort -z | cmp - "$DIR/found"
        n=$((n + 1))
    done
    echo "compared $n"
    [ "$n" -ge 10 ]
}

@test "ls -l shows what ls -l shows of the unpacked root" {
    require_root
    fetch busybox:three long:x
    imgc unpack "$REGISTRY/long:x" "$DIR/root"
    # without the links of directories, which a tree does not count, and fractions of seconds
    found_long "$DIR/root" | tr '\0' '\n' | sed -E 's/(:[0-9]{2})\.[0-9]+ /\1 /' | LC_ALL=C sort >"$DIR/find"
    TZ=UTC imgc ls -Rl "$REGISTRY/long:x" | tr -s ' ' | sed -E 's/^(d[^ ]*) 1 /\1 /' | LC_ALL=C sort >"$DIR/ls"
    diff "$DIR/find" "$DIR/ls"
    [ "$(wc -l <"$DIR/ls")" -gt 20 ]
}

@test "a path begins at the first ':' before a '/'; links are followed, but not out of the root" {
    mkdir -p "$DIR/in/etc" "$DIR/in/real/sub"
    echo inside >"$DIR/in/etc/passwd"
    ln -s /etc/passwd "$DIR/in/absolute"
    ln -s ../../../../etc/passwd "$DIR/in/up"
    ln -s real "$DIR/in/linked"
    ln -s loop "$DIR/in/loop"
    ln -s nowhere "$DIR/in/dangling"
    echo file >"$DIR/in/real/sub/file"
    mkfifo "$DIR/in/fifo"
    imgc import "$DIR/in" name:tag >/dev/null
    id=$(imgc images -q name:tag)

    for path in /etc/passwd /absolute /up /../../etc//passwd /linked/../etc/./passwd; do
        [ "$(imgc cat "name:tag:$path")" = inside ]
    done
    [ "$(imgc cat "$id:/linked/sub/file")" = file ]
    [ "$(imgc cat name:tag:/etc/passwd name:tag:/linked/sub/file | tr '\n' ' ')" = 'inside file ' ]
    [ "$(imgc ls name:tag:/linked)" = sub ]
    [ "$(imgc ls -R name:tag:/linked | tr '\n' ' ')" = '/real/sub /real/sub/file ' ]
    [ "$(imgc ls name:tag:/dangling)" = /dangling ]
    [ "$(imgc ls -d name:tag:/real)" = /real ]
    [ "$(imgc ls name:tag)" = "$(imgc ls name:tag:/)" ]
    # two directories get headings, files do not
    [ "$(imgc ls name:tag:/etc name:tag:/real | tr '\n' ';')" = 'name:tag:/etc:;passwd;;name:tag:/real:;sub;' ]

    assert_fails 1 'Is a directory' imgc cat name:tag:/etc
    assert_fails 1 'No such file' imgc cat name:tag:/etc/shadow
    assert_fails 1 'No such file' imgc cat name:tag:/etc/passwd/x
    assert_fails 1 'No such file' imgc cat name:tag:/dangling
    assert_fails 1 'No such file' imgc cat name:tag:/loop
    assert_fails 1 'fifo' imgc cat name:tag:/fifo
    assert_fails 1 'names no file' imgc cat name:tag
    assert_fails 1 'No such file' imgc ls name:tag:/nope
    assert_fails 1 'no such image: other' imgc ls other:/etc
    assert_fails 1 'names no image' imgc ls :/etc
    assert_fails 1 'json' imgc ls --format xml name:tag
}

@test "holes are zeros, xattrs and odd names are told, names cannot move the cursor" {
    mkdir "$DIR/in"
    truncate -s 3M "$DIR/in/sparse"
    printf middle | dd of="$DIR/in/sparse" bs=1 seek=1500000 conv=notrunc status=none
    printf '%s' "$DIR" >"$DIR/in/$(printf 'bad\377\033[31m')"
    touch "$DIR/in/new
line"
    imgc import "$DIR/in" odd >/dev/null
    imgc cat odd:/sparse | cmp - "$DIR/in/sparse"
    check_tree odd 1
    # a pipe gets the bytes, a terminal something harmless
    imgc ls --zero odd | tr '\0' '\n' >"$DIR/names"
    grep -q "$(printf '\033')" "$DIR/names"
    script -qec "'$IMGC' --root '$STORE' ls odd" /dev/null </dev/null >"$DIR/tty"
    grep -qF 'bad\xff\x1b[31m' "$DIR/tty"
    grep -qF 'new\nline' "$DIR/tty"
    ! grep -q "$(printf '\033')" "$DIR/tty" || false
    script -qec "'$IMGC' --root '$STORE' ls --format json odd" /dev/null </dev/null >"$DIR/tty"
    ! grep -q "$(printf '\033')" "$DIR/tty" || false
    imgc ls --format json odd | jq -e '.[] | select(.path_hex == "2f626164ff1b5b33316d") | .size > 0'
    [ "$(imgc ls --format json odd | jq -r '.[] | select(.path == "/sparse") | "\(.type) \(.size) \(.nlink)"')" = 'file 3145728 1' ]
}

@test "ls --format json has xattrs, devices and owners" {
    require_root
    mkdir "$DIR/in"
    mknod "$DIR/in/null" c 1 3
    cp /bin/true "$DIR/in/capable"
    chown 12345:54321 "$DIR/in/capable"
    setcap cap_net_raw+ep "$DIR/in/capable" # after the owner, which takes it away
    ln "$DIR/in/capable" "$DIR/in/again"
    imgc import "$DIR/in" rich >/dev/null
    imgc ls --format json rich >"$DIR/json"
    jq -e '.[] | select(.path == "/null") | .type == "char" and .major == 1 and .minor == 3' "$DIR/json"
    [ "$(jq -r '.[] | select(.path == "/capable") | .xattrs["security.capability"]' "$DIR/json")" = \
        "$(getfattr --only-values -n security.capability "$DIR/in/capable" | od -An -tx1 | tr -d ' \n')" ]
    jq -e '.[] | select(.path == "/again") | .uid == 12345 and .gid == 54321 and .nlink == 2' "$DIR/json"
}

# check_diff A B: `imgc diff` of two images against their unpacked roots.
check_diff() {
    rm -rf "$DIR/a" "$DIR/b"
    imgc unpack "$1" "$DIR/a" || return 1
    imgc unpack "$2" "$DIR/b" || return 1
    python3 "$E2E_LIB/tree-diff.py" "$DIR/a" "$DIR/b" | tr '\0' '\n' >"$DIR/want"
    imgc diff "$1" "$2" >"$DIR/got" || return 1
    cmp "$DIR/want" "$DIR/got" || { diff "$DIR/want" "$DIR/got" | head -20; return 1; }
    # -q tells with its status whether there is anything
    status=0
    imgc diff -q "$1" "$2" || status=$?
    [ "$status" -eq "$([ -s "$DIR/want" ] && echo 1 || echo 0)" ] || return 1
    imgc diff --format json "$1" "$2" | jq -r '.[] | "\(.kind) \(.path)"' | cmp - "$DIR/want"
}

@test "diff of parent and child says what their unpacked roots say" {
    require_root
    for tag in one two three; do
        fetch "busybox:$tag" "bb:$tag"
    done
    bb=$REGISTRY/bb
    check_diff "$bb:one" "$bb:two"
    grep -qx 'D /data/old' "$DIR/got"
    check_diff "$bb:two" "$bb:three"
    check_diff "$bb:one" "$bb:three"
    check_diff "$bb:three" "$bb:one"
    check_diff "$bb:one" "$bb:one"
    [ ! -s "$DIR/got" ]
    if [ -d "$IMAGES/debian" ]; then
        fetch debian:bookworm deb:parent
        fetch debian:layers deb:child
        check_diff "$REGISTRY/deb:parent" "$REGISTRY/deb:child"
        check_diff "$bb:three" "$REGISTRY/deb:child"
    fi
}

@test "diff tells each kind of change, content that is in other layers too" {
    require_root
    mkdir -p "$DIR/before/dir/deep" "$DIR/before/gone/deep" "$DIR/before/turns"
    cd "$DIR/before"
    echo same >same
    echo mode >mode
    echo owner >owner
    echo mtime >mtime
    echo 1234 >content
    echo size >size
    echo x >xattr
    ln -s a target
    mknod device c 1 3
    echo linked >link1 && ln link1 link2
    echo 1 >dir/deep/file
    echo 1 >gone/deep/file
    echo 1 >turns/file
    truncate -s 200K hole
    dd if=/dev/zero of=zeros bs=1K count=200 status=none
    touch -d @1700000000 content device
    touch -h -d @1700000000 target
    cp -a "$DIR/before" "$DIR/after"
    cd "$DIR/after"
    chmod 600 mode
    chown 1 owner
    touch mtime
    echo 4321 >content && touch -d @1700000000 content
    echo longer >size
    setfattr -n user.a -v b xattr
    ln -sfn b target && touch -h -d @1700000000 target
    rm device && mknod device c 1 5 && touch -d @1700000000 device
    cp -p link1 copy && mv copy link2
    echo 2 >>dir/deep/file
    rm -r gone turns && echo file >turns
    mkdir -p new/deep && echo 1 >new/deep/file
    cp -p --sparse=never hole full && mv full hole && touch -r ../before/hole hole
    cd "$DIR"
    imgc import before before >/dev/null
    imgc import after after >/dev/null
    check_diff before after
    imgc diff --format json before after |
        jq -r '.[] | "\(.kind) \(.path) \(.what // [] | join(","))"' | sed 's/ $//' >"$DIR/what"
    diff - "$DIR/what" <<'END'
C /content content
C /device device
C /dir below
C /dir/deep below
C /dir/deep/file mtime,size
D /gone
C /link2 links
C /mode mode
C /mtime mtime
A /new
A /new/deep
A /new/deep/file
C /owner owner
C /size mtime,size
C /target target
C /turns type
C /xattr xattrs
END
    # files that are the same are not read where the layer is the same: its bytes do not matter
    imgc tag before again
    [ -z "$(imgc diff before again)" ]
}

@test "an output that takes no more ends the command" {
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
    for command in "ls -R bb" "cat bb:/bin/busybox" "ls -R --format json bb"; do
        assert_fails 1 'No space left' sh -c "'$IMGC' --root '$STORE' $command >/dev/full"
    done
    set -o pipefail
    # shellcheck disable=SC2251 # 141, as a shell shows SIGPIPE
    imgc cat bb:/bin/busybox | head -c 10 | wc -c || [ $? -eq 141 ]
}
