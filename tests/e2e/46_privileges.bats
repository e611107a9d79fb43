# SPDX-License-Identifier: Apache-2.0
# Capabilities, --security-opt and --privileged, seen from inside the container.

load lib/common

setup_file() {
    have_containers && have_images busybox || return 0
    export STORE=$BATS_FILE_TMPDIR/store RUNROOT=$BATS_FILE_TMPDIR/run
    imgc import "$IMAGES/busybox.tar" bb >/dev/null
}

setup() {
    require_containers
    require_images busybox
}

# The sets of a container's first process: caps OPTIONS...
caps() {
    run imgc run --rm "$@" bb sh -c 'echo $(sed -n "s/^Cap...:\t//p" /proc/self/status)'
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

# inh prm eff bnd amb of root with a bounding set, which the host may cut
expect_caps() {
    local held want
    held=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
    want=$(printf '%016x' $((0x$1 & 0x$held)))
    [ "$output" = "0000000000000000 $want $want $want 0000000000000000" ] ||
        { echo "$output instead of $want"; return 1; }
}

@test "--cap-add and --cap-drop as docker has them; inheritable and ambient stay empty" {
    while read -r want options; do
        # shellcheck disable=SC2086
        caps $options
        expect_caps "$want" || { echo "$options"; return 1; }
    done <<'CASES'
a80435fb --cap-add net_admin
a80435fb --cap-add CAP_NET_ADMIN
a82435fb --cap-add NET_ADMIN,sys_admin
a80425fa --cap-drop Chown
0 --cap-drop all
0 --cap-drop chown,ALL
1 --cap-drop ALL --cap-add CHOWN
1fffffffffe --cap-add ALL --cap-drop CHOWN
1ffffffffff --cap-add ALL
1ffffffffff --cap-add ALL --cap-drop ALL
a80425fb --cap-add CHOWN --cap-drop CHOWN
CASES
}

@test "a user other than root has none of them, whatever is added" {
    run imgc run --rm -u 1000 --cap-add ALL bb sh -c 'echo $(sed -n "s/^Cap\(Inh\|Prm\|Eff\|Amb\):\t//p" /proc/self/status)'
    [ "$output" = "0000000000000000 0000000000000000 0000000000000000 0000000000000000" ]
}

@test "capabilities of the image's files count, within the bounding set; not with no-new-privileges" {
    command -v setcap >/dev/null || skip "no setcap"
    root=$BATS_TEST_TMPDIR/root
    mkdir "$root"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    cp "$root/bin/busybox" "$root/busybox-capable"
    setcap cap_net_raw,cap_net_admin+ep "$root/busybox-capable"
    imgc import "$root" files >/dev/null
    show='/busybox-capable grep CapEff /proc/self/status'
    run imgc run --rm -u 1000 --cap-add net_admin files $show
    [ "$(echo $output)" = "CapEff: 0000000000003000" ] || { echo "$output"; return 1; }
    run imgc run --rm -u 0 --cap-drop ALL --cap-add net_admin --cap-add net_raw files $show
    [ "$(echo $output)" = "CapEff: 0000000000003000" ]
    # with the effective bit the kernel refuses the program when the bounding set lacks one of them
    run imgc run --rm -u 1000 files $show
    [ "$status" -eq 126 ]
    run imgc run --rm -u 1000 --cap-add net_admin --security-opt no-new-privileges files $show
    [ "$(echo $output)" = "CapEff: 0000000000000000" ] || [ "$status" -eq 126 ]
}

@test "no-new-privileges: set-user-ID programs are what the caller is" {
    root=$BATS_TEST_TMPDIR/root
    mkdir "$root"
    tar -C "$root" -xf "$IMAGES/busybox.tar"
    # not busybox: it gives up set-user-ID for most of its commands
    printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%%d\\n", (int)geteuid()); }\n' >"$root/id.c"
    ${CC:-cc} -static -o "$root/setuid" "$root/id.c"
    chmod 4755 "$root/setuid"
    imgc import "$root" setuid >/dev/null
    for option in no-new-privileges no-new-privileges:true no-new-privileges=true; do
        run imgc run --rm -u 1000 --security-opt $option setuid sh -c 'grep NoNewPrivs /proc/self/status; /setuid'
        [ "$(echo $output)" = "NoNewPrivs: 1 1000" ] || { echo "$output"; return 1; }
    done
    run imgc run --rm -u 1000 --security-opt no-new-privileges:false setuid sh -c 'grep NoNewPrivs /proc/self/status; /setuid'
    [ "$(echo $output)" = "NoNewPrivs: 0 0" ]
}

@test "seccomp=unconfined takes the filter away, and only the filter" {
    run imgc run --rm --security-opt seccomp=unconfined bb sh -c 'grep Seccomp: /proc/self/status; grep CapBnd /proc/self/status; cat /proc/keys | wc -l'
    [ "$(echo $output)" = "Seccomp: 0 CapBnd: 00000000a80425fb 0" ]
    run imgc run --rm --cap-add sys_admin bb sh -c 'mount -t tmpfs none /tmp && echo mounted'
    [ "$output" = mounted ] # the filter opens what the capability is for
}

@test "seccomp=FILE: docker's profiles, with its own rules for capabilities" {
    cat >"$BATS_TEST_TMPDIR/profile.json" <<'PROFILE'
{ "defaultAction": "SCMP_ACT_ALLOW", "archMap": [ { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": [ "SCMP_ARCH_X86" ] } ],
  "syscalls": [
    { "names": [ "chmod", "fchmodat", "fchmodat2" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 71 },
    { "names": [ "sethostname" ], "action": "SCMP_ACT_ERRNO", "excludes": { "caps": [ "CAP_SYS_ADMIN" ] } } ] }
PROFILE
    run imgc run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb sh -c 'grep Seccomp: /proc/self/status; chmod 600 /etc/passwd'
    [ "$status" -ne 0 ]
    [[ $output == *"Seccomp:"*2* ]] && [[ $output == *"Protocol error"* ]] || { echo "$output"; return 1; }
    # privileged containers have no filter but one that is asked for
    run imgc run --rm --privileged --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb chmod 600 /etc/passwd
    [[ $output == *"Protocol error"* ]]
    # it is in the container, not in the file
    imgc run --name kept --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" bb true
    grep -q errnoRet "$STORE"/containers/*/config.json
    imgc rm kept
    profile=/usr/share/containers/seccomp.json # podman's own
    if [ -e "$profile" ]; then
        run imgc run --rm --security-opt "seccomp=$profile" bb sh -c 'grep Seccomp: /proc/self/status; ls / | wc -l'
        [ "$status" -eq 0 ] || { echo "$output"; return 1; }
        [[ ${lines[0]} == *2 ]]
    fi
    assert_fails 125 "/nosuch" imgc run --rm --security-opt seccomp=/nosuch bb true
    assert_fails 125 "regular file" imgc run --rm --security-opt seccomp=/dev/zero bb true
    echo '{"defaultAction": "SCMP_ACT_ALLOW", "bogus": 1}' >"$BATS_TEST_TMPDIR/bad.json"
    assert_fails 125 "unknown key 'bogus'" imgc run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/bad.json" bb true
    head -c 2000000 /dev/zero >"$BATS_TEST_TMPDIR/huge.json"
    assert_fails 125 "seccomp" imgc run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/huge.json" bb true
}

@test "mask= hides more, unmask= less, systempaths=unconfined nothing" {
    run imgc run --rm --security-opt mask=/etc/group:/usr/../root bb sh -c 'wc -c </etc/group; ls -A /root | wc -l; touch /root/x'
    [ "${lines[0]}" = 0 ] && [ "${lines[1]}" = 0 ]
    [ "$status" -ne 0 ]
    for option in unmask=/proc/interrupts unmask=/proc/acpi:/proc/int* unmask=ALL unmask=all systempaths=unconfined; do
        run imgc run --rm --security-opt "$option" bb sh -c 'grep -c CPU0 /proc/interrupts'
        [ "$output" = 1 ] || { echo "$option: $output"; return 1; }
    done
    run imgc run --rm --security-opt unmask=/proc/sys bb sh -c 'mount | grep -c " /proc/sys "; cat /proc/interrupts | wc -l'
    [ "$(echo $output)" = "0 0" ]
    run imgc run --rm bb sh -c 'mount | grep -c " /proc/sys "'
    [ "$output" = 1 ]
}

@test "--privileged: capabilities, devices, no filter, no masks, /sys and cgroups writable" {
    caps --privileged
    expect_caps 1ffffffffff
    run imgc run --rm --privileged bb sh -c 'grep Seccomp: /proc/self/status; grep -c CPU0 /proc/interrupts; mount | grep -cE " on /proc/"; mount -t tmpfs none /tmp && mknod /n c 1 3 && echo x >/n && echo done'
    [ "$(echo $output)" = "Seccomp: 0 1 0 done" ] || { echo "$output"; return 1; }
    run imgc run --rm --privileged bb sh -c 'mount | grep -E " /sys "'
    [[ $output == *"(rw,"* ]]
    # each device of the host, with its numbers; and terminals of its own
    run imgc run --rm --privileged bb sh -c 'stat -c "%n %t:%T" $(find /dev -xdev -type c -o -xdev -type b) | sort'
    list=$output
    while read -r node; do
        [[ $list == *"$node"* ]] || { echo "no $node in $list"; return 1; }
    done < <(find /dev -xdev -maxdepth 1 \( -type c -o -type b \) ! -name console ! -name ptmx -exec stat -c '%n %t:%T' {} +)
    [ "$(imgc run --rm --privileged bb ls /dev/pts)" = ptmx ]
    # a capability may still be taken
    caps --privileged --cap-drop sys_admin
    expect_caps 1ffffdfffff
}

@test "privileges of one run are not those of the next" {
    caps
    expect_caps a80425fb
}

@test "what is asked for is told by inspect" {
    imgc run --name told --cap-add net_admin --cap-drop chown --security-opt no-new-privileges bb true
    run imgc inspect told
    [[ $output == *net_admin* ]] && [[ $output == *no-new-privileges* ]]
    imgc rm told
}

@test "bad words are refused in one line, with podman's status" {
    assert_fails 125 "cap-add 'foo'" imgc run --rm --cap-add foo bb true
    assert_fails 125 "cap-drop '7'" imgc run --rm --cap-drop 7 bb true
    assert_fails 125 "security-opt 'foo'" imgc run --rm --security-opt foo bb true
    assert_fails 125 "true or false" imgc run --rm --security-opt no-new-privileges:maybe bb true
    assert_fails 125 "needs a value" imgc run --rm --security-opt seccomp bb true
    assert_fails 125 "absolute" imgc run --rm --security-opt mask=etc bb true
    assert_fails 125 "cannot be masked" imgc run --rm --security-opt mask=/.. bb true
    imgc run --rm --security-opt label=disable --security-opt apparmor=unconfined bb true
    if command -v podman >/dev/null; then
        for options in "--cap-add foo" "--security-opt foo" "--security-opt mask"; do
            # shellcheck disable=SC2086
            run podman run --pull never --rm $options nosuchimage true
            [ "$status" -eq 125 ]
        done
    fi
    assert_no_containers
}
