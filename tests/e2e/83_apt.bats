# SPDX-License-Identifier: Apache-2.0
# builds: release
# apt-get in a debian container, of root and of an ordinary user with ranges of IDs: a package with a
# set-user-ID program, a file of another owner, and a user that its script makes.

load lib/common
load lib/users

setup_file() {
    have_users && have_images debian || return 0
    make_users
    export REPO=$USERS_HOME/repo STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    local p=$USERS_HOME/package
    mkdir -p "$p/DEBIAN" "$p/usr/bin" "$p/var/lib/toy" "$REPO"
    printf '#!/bin/sh\necho toy\n' >"$p/usr/bin/toy"
    chmod 4755 "$p/usr/bin/toy"
    echo mail >"$p/var/lib/toy/spool"
    chown 8:12 "$p/var/lib/toy/spool"
    printf 'Package: toy\nVersion: 1.0\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: toy\n' \
        >"$p/DEBIAN/control"
    printf '#!/bin/sh\nset -e\nuseradd -r -s /usr/sbin/nologin toyd\nchown toyd:toyd /var/lib/toy\n' \
        >"$p/DEBIAN/postinst"
    chmod 755 "$p/DEBIAN/postinst"
    dpkg-deb -b "$p" "$REPO/toy.deb" >/dev/null
    {
        dpkg-deb -f "$REPO/toy.deb"
        echo "Filename: ./toy.deb"
        echo "Size: $(stat -c %s "$REPO/toy.deb")"
        echo "SHA256: $(sha256sum <"$REPO/toy.deb" | cut -d' ' -f1)"
    } >"$REPO/Packages"
    chmod -R a+rX "$REPO"
    PORT=$(free_port)
    export PORT
    python3 -m http.server --bind 127.0.0.1 -d "$REPO" "$PORT" >/dev/null 2>&1 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/server"
    cp "$IMAGES/debian.tar" "$USERS_HOME/$RANGED/"
    chown "$RANGED" "$USERS_HOME/$RANGED/debian.tar"
    imgc import "$IMAGES/debian.tar" debian >/dev/null
    imgc_as "$RANGED" import "$USERS_HOME/$RANGED/debian.tar" debian >/dev/null
}

teardown_file() {
    [ ! -e "$BATS_FILE_TMPDIR/server" ] || kill "$(cat "$BATS_FILE_TMPDIR/server")" || true
    remove_users
}

setup() {
    require_users
    require_images debian
}

# What is typed in the container.
words() {
    cat <<EOT
set -e
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
echo 'deb [trusted=yes] http://127.0.0.1:$PORT ./' >/etc/apt/sources.list
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq toy >/dev/null
toy
stat -c '%a %U %G' /usr/bin/toy
stat -c '%U %G' /var/lib/toy/spool /var/lib/toy
dpkg-query -W -f '\${Status}\n' toy
EOT
}

expected='toy
4755 root root
mail man
toyd toyd
install ok installed'

@test "root" {
    run imgc run --rm --network host debian sh -c "$(words)"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *"$expected" ]] || { echo "$output"; return 1; }
}

@test "an ordinary user" {
    run imgc_as "$RANGED" run --rm --network host debian sh -c "$(words)"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *"$expected" ]] || { echo "$output"; return 1; }
}
