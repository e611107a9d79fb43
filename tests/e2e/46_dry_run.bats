# SPDX-License-Identifier: Apache-2.0
# run --dry-run: what would be done, and nothing is.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import -c "WORKDIR /w$(printf '\033')x" "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

@test "--dry-run prints namespaces, privileges, steps and the command" {
    run imgc run --rm --dry-run --pid host --net container:web --cap-drop ALL --cap-add chown -u 7:8 --read-only \
        --ulimit nofile=5 --device /dev/null:/n:r --sysctl kernel.msgmax=5 --tmpfs /t bb sh -c 'touch /ran'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    for line in "namespaces mnt=private pid=host ipc=private uts=private net=container:web cgroup=private time=private" \
        "capabilities CAP_CHOWN" "seccomp builtin" "no-new-privileges false" "ulimit nofile=5:5" "join net container:web" \
        "device /dev/null /n r" "sysctl /proc/sys/kernel/msgmax 5" "mask /proc/kcore" "root-read-only" "pivot" "user 7:8" \
        "exec sh -c touch /ran"; do
        printf '%s\n' "$output" | grep -qxF -- "$line" || { echo "no '$line' in $output"; return 1; }
    done
    [[ $output == *"mount tmpfs /t"* ]]
    ! printf '%s' "$output" | grep -q "$(printf '\033')" || false
}

@test "--dry-run starts and stores nothing" {
    before=$(find "$STORE" -not -name 'imgc.db*' | sort)
    imgc run --dry-run --name kept -v "$BATS_TEST_TMPDIR/made:/made" bb touch /made/file >/dev/null
    imgc run -d --dry-run bb sleep 100 >/dev/null
    imgc create --dry-run bb true >/dev/null
    [ "$(find "$STORE" -not -name 'imgc.db*' | sort)" = "$before" ]
    [ -z "$(imgc ps -aq)" ]
    [ ! -e "$BATS_TEST_TMPDIR/made" ]
}

@test "--dry-run finds the same mistakes, and pulls nothing" {
    assert_fails 125 "nothing can be mounted" imgc run --dry-run --tmpfs /proc bb true
    assert_fails 125 "sysctl" imgc run --dry-run --sysctl vm.swappiness=1 bb true
    assert_fails 125 "nosuch" imgc run --dry-run nosuch true
}
