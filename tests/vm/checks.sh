#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The checks of a virtual machine, which is ours alone: cgroups mounted as the first argument says
# (v1 or v2), nobody else's processes, the store in its default place. Busybox's shell runs it, and
# TAP comes out on the second serial port. After each check no cgroup, mount or process may be left.

# shellcheck disable=SC2016 # words in single quotes are the container's shell's

version=$1
results=/dev/ttyS1
log=/tmp/log
n=0

# --- the machine ---------------------------------------------------------------------------------

mount_cgroups() {
    if [ "$version" = v2 ]; then
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    for controllers in memory cpu,cpuacct cpuset blkio pids freezer devices; do
        mkdir "/sys/fs/cgroup/$controllers"
        mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
    done
    ln -s cpu,cpuacct /sys/fs/cgroup/cpu
}

start_registry() {
    cat >/tmp/registry.yml <<YML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: /srv/registry}}
http: {addr: "127.0.0.1:5000"}
YML
    docker-registry serve /tmp/registry.yml >/tmp/registry.log 2>&1 &
}

prepare() {
    mount -t tmpfs tmpfs /run
    mkdir -p /dev/pts /dev/shm
    mount -t devpts devpts /dev/pts
    mount_cgroups
    ip link set lo up
    dd if=/dev/zero of=/swap bs=1M count=48 2>/dev/null
    chmod 600 /swap
    mkswap /swap >/dev/null
    swapon /swap
    [ "$version" = v1 ] || start_registry
}

# --- words of the checks -------------------------------------------------------------------------

fail() {
    echo "$*" >&2
    exit 1
}

same() { # WHAT GOT WANT
    [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}

# Run a command that must end with this status.
status() { # STATUS CMD...
    want=$1 got=0
    shift
    "$@" || got=$?
    same "status of '$*'" "$got" "$want"
}

soon() { # CMD...: within half a minute it succeeds
    for _ in $(seq 300); do
        ! "$@" || return 0
        sleep 0.1
    done
    fail "still not: $*"
}

bb() { # run a shell's words in a new container: OPTIONS... -- WORDS
    options=
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    # shellcheck disable=SC2086 # options without blanks
    imgc run --rm $options bb sh -c "$2"
}

# The containers' cgroups, of one controller on v1; a word that is nowhere stays as it is.
cgroup() { # CONTROLLER
    [ "$version" = v1 ] && echo "/sys/fs/cgroup/$1/imgc/"*/ || echo /sys/fs/cgroup/imgc/*/
}

value() { # CONTROLLER V1-FILE V2-FILE
    if [ "$version" = v1 ]; then
        cat "$(cgroup "$1")/$2"
    else
        cat "$(cgroup "$1")/$3"
    fi
}

no_cgroup() {
    [ -z "$(find /sys/fs/cgroup -type d -path '*/imgc/*')" ]
}

# Command lines of other processes, of which zombies have none.
processes() {
    cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -oE '[i]mgc run|[s]leep 4321'
}

none_runs() {
    ! processes >/dev/null
}

# A container in the background; sets $pid, imgc's, and returns when its command runs.
start() { # OPTIONS...
    rm -f /tmp/up # of the container before: the shell empties it in the background, too late
    imgc run "$@" bb sh -c "echo up; exec sleep 4321" >/tmp/up &
    pid=$!
    soon grep -q up /tmp/up
}

end() {
    killall -9 sleep
    wait "$pid" || true
}

# --- the checks ----------------------------------------------------------------------------------

import_and_run() {
    imgc import -c 'CMD ["sh"]' /images/busybox.tar bb >/dev/null
    imgc run --rm bb true 2>/tmp/stderr
    same "standard error" "$(cat /tmp/stderr)" ""
    same "a file of the image" "$(imgc run --rm bb cat /data/one)" one
    bb -- 'echo changed >/data/one; rm -r /data/old; mkdir /data/old; ls -A /data/old | grep -c .' ||
        same "changes stay in the container" "$(imgc run --rm bb cat /data/one)" one
}

# This kernel mounts no EROFS from files: directories, by themselves, and the reason is told.
layer_form() {
    same "form" "$(imgc info -f '{{.Layers}}')" directory
    imgc info -f '{{.LayersReason}}' | grep -qE 'has no EROFS|does not mount EROFS' ||
        fail "the reason: $(imgc info -f '{{.LayersReason}}')"
    same "views" "$(ls /var/lib/imgc/views)" ""
    status 125 imgc --layers erofs run --rm bb true 2>/tmp/stderr
    grep -q -- '--layers erofs cannot be: this kernel' /tmp/stderr || fail "$(cat /tmp/stderr)"
    same "mount" "$(cat "$(imgc mount bb)/data/one")" one
    imgc umount bb >/dev/null
}

exit_codes() {
    status 42 bb -- 'exit 42'
    status 127 imgc run --rm bb nosuchcommand
    status 126 imgc run --rm bb /etc/passwd
    status 125 imgc run --nosuchoption bb
    start --name victim
    kill -9 "$(imgc inspect --format '{{.State.Pid}}' victim)"
    status 137 wait $pid
    same "told as" "$(imgc inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' victim)" \
        "137 false"
    imgc rm victim
}

isolation() {
    bb -- 'echo PID $$; echo $(ls /sys/class/net); grep -E "^(CapEff|Seccomp):" /proc/self/status
        mount -t tmpfs none /tmp && echo mounted; hostname other && echo renamed
        cut -d" " -f5 /proc/self/mountinfo | sed "s/^/mount /"
        for kind in mnt pid uts ipc net cgroup; do readlink /proc/self/ns/$kind; done' >/tmp/inside
    same "first lines" "$(head -n 4 /tmp/inside | tr -s '\t' ' ')" "PID 1
lo
CapEff: 00000000a80425fb
Seccomp: 2"
    same "allowed" "$(grep -E '^(mounted|renamed)' /tmp/inside)" ""
    same "mounts of the host" "$(sed -n 's/^mount //p' /tmp/inside |
        grep -vE '^/(proc|sys|dev|etc/(hosts|hostname|resolv\.conf))?(/|$)')" ""
    same "namespaces" "$(grep -c ':\[' /tmp/inside)" 6
    for kind in mnt pid uts ipc net cgroup; do
        ! grep -qF "$(readlink /proc/self/ns/$kind)" /tmp/inside || fail "$kind namespace is shared"
    done
}

# The container sees the limits of its own cgroup and nobody else's, and changes nothing.
own_cgroups() {
    file=memory/memory.limit_in_bytes
    [ "$version" = v1 ] || file=memory.max
    bb -m 64m -- "cd /sys/fs/cgroup; cat $file; echo 99999744 >$file && echo changed
        mkdir x && echo made; cd memory && mkdir x && echo made; cat /proc/self/cgroup" >/tmp/inside
    same "limit, changes" "$(grep -v : /tmp/inside)" 67108864
    same "cgroup" "$(grep -cE '^(0:|[0-9]+:memory):/$' /tmp/inside)" 1
}

# "NAME: exit code, whether the memory ended" of these containers, which go.
told() { # NAME...
    imgc inspect --format '{{.Name}}: {{.State.ExitCode}} {{.State.OOMKilled}}' "$@" | tr -d /
    imgc rm "$@" >/dev/null
}

memory_hog() {
    limit="-m 64m --memory-swap 64m"
    # shellcheck disable=SC2086 # words
    status 137 imgc run --name hog $limit bb tail -c 300m /dev/zero 2>/tmp/stderr
    grep memory /tmp/stderr
    # not the first process: the container goes on, and it is told all the same
    # shellcheck disable=SC2086 # words
    status 3 imgc run --name child $limit bb sh -c 'tail -c 300m /dev/zero; exit 3'
    same "told" "$(told hog child)" "hog: 137 true
child: 3 true"
}

# 20 MB in a tmpfs do not fit into 16, but into 16 and as much swap. Without swap killing the writer
# gives no memory back, so the first process may go as well.
memory_swap() {
    limit="-m 16m --tmpfs /data"
    fill='head -c 20m /dev/zero >/data/x; wc -c </data/x'
    # shellcheck disable=SC2086 # words
    {
        imgc run --name default $limit bb sh -c "$fill"
        same "size" "$(imgc run --name all --memory-swap -1 $limit bb sh -c "$fill")" 20971520
        imgc run --name none --memory-swap 16m $limit bb sh -c "$fill" || true
    }
    same "told" "$(told default all none | sed 's/[0-9]* true/oom/')" "default: 0 false
all: 0 false
none: oom"
}

# A shell that cannot fork ends; the last number it says is how far it came.
fork_bomb() {
    bomb='i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i+1)); echo $i; done'
    same "far enough with" "$(bb --pids-limit 60 -- "$bomb" | tail -n 1)" 40
    same "stopped" "$(bb --pids-limit 20 -- "$bomb" 2>/tmp/stderr | tail -n 1)" 19
    grep -q fork /tmp/stderr
}

cpus() {
    got=$(bb --cpus 0.3 -- '
        ticks() { set -- $(cat /proc/1/stat); used=$((${14} + ${15})); }
        now() { read -r up _ </proc/uptime; now=${up%.*}${up#*.}; }
        ticks; now; t0=$now u0=$used
        while [ $((now - t0)) -lt 300 ]; do now; done
        ticks; echo "$((used - u0)) $((now - t0))"')
    echo "used and passed: $got"
    used=${got% *} wall=${got#* }
    [ $((used * 100)) -ge $((wall * 24)) ] || fail "too little"
    [ $((used * 100)) -le $((wall * 36)) ] || fail "too much"
}

all_limits() {
    start --rm -m 64m --cpus 1.5 --pids-limit 30
    same "memory" "$(value memory memory.limit_in_bytes memory.max)" 67108864
    same "swap" "$(value memory memory.memsw.limit_in_bytes memory.swap.max)" \
        "$([ "$version" = v1 ] && echo 134217728 || echo 67108864)"
    same "quota" "$(value cpu cpu.cfs_quota_us cpu.max | cut -d' ' -f1)" 150000
    same "pids" "$(value pids pids.max pids.max)" 30
    grep -qx "$(imgc inspect --format '{{.State.Pid}}' "$(imgc ps -q)")" "$(cgroup memory)/cgroup.procs"
    end
}

# Our own process in the container's cgroup meets the filter alone: no mount is in its way.
devices() {
    start --rm
    procs=$(cgroup devices)/cgroup.procs
    head -c 1 /dev/vda >/dev/null
    sh -c 'echo $$ >'"$procs"'
        head -c 1 /dev/zero >/dev/null || exit 10
        head -c 1 /dev/full >/dev/null || exit 11
        ! head -c 1 /dev/vda || exit 12
        ! head -c 1 /dev/kmsg || exit 13
        ! head -c 1 /dev/mem || exit 14
        ! echo >/dev/vda || exit 15
        rm -f /tmp/node; mknod /tmp/node b 7 0 || exit 16
        ! head -c 1 /tmp/node || exit 17
        echo refused' >/tmp/out
    same "in the cgroup" "$(cat /tmp/out)" refused
    end
}

device_nodes() {
    disk=$(tr : ' ' </sys/class/block/vda/dev)
    status 1 bb -- "mknod /tmp/disk b $disk && head -c 1 /tmp/disk"
    status 1 bb -- 'mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem'
    same "/dev" "$(bb -- 'cd /dev; for i in null zero full random urandom tty; do
        [ -c $i ] || echo $i; done; head -c 5 zero | wc -c; head -c 5 urandom | wc -c; echo >null')" "5
5"
}

killed_launcher() {
    start --rm -m 64m --pids-limit 30 --cpus 1
    soon processes
    kill -9 "$pid"
    wait "$pid" || true
    soon none_runs
    ! no_cgroup || fail "nothing to sweep: the check shows nothing"
    imgc run --rm bb true
    soon no_cgroup
    same "containers" "$(imgc ps -aq)" ""
}

# Many processes, of which most are grandchildren that the first one never reaps.
removed_while_running() {
    rm -f /tmp/up
    imgc run --name busy -m 64m bb sh -c '
        i=0; while [ $i -lt 20 ]; do (sh -c "sleep 4321 & sleep 4321" &); i=$((i+1)); done
        echo up; exec sleep 4321' >/tmp/up &
    soon grep -q up /tmp/up
    imgc rm -f busy
    wait
    soon none_runs
}

# A process of the container that left its session and ignores signals ends with it all the same.
no_sleepers() {
    ! processes | grep -q sleep
}

stragglers() {
    soon no_sleepers # of the checks before
    bb -m 64m -- 'trap "" TERM HUP INT; for i in 1 2 3 4 5; do setsid sleep 4321 & done; exit 0'
    soon no_sleepers # which would sleep for an hour
    soon none_runs # imgc's own process that clears up after --rm
}

# A shell's words that list a root, but for what a running container has of its own.
list_tree() {
    echo 'cd /; dirs="bin data real linked home root tmp usr"
        find $dirs -type d -exec stat -c "%n %f %u:%g %Y" {} + | sort
        find $dirs ! -type d -exec stat -c "%N %f %u:%g %s %h %Y" {} + | sort
        find $dirs -type f -exec md5sum {} + | sort'
}

unpacked_is_mounted() {
    image=127.0.0.1:5000/busybox:three
    imgc pull -q --tls-verify=false $image
    same "layers, on the kernel's overlay" "$(imgc run --rm $image sh -c '
        cat /data/two /data/old/again /data/link/now-a-directory; ls /data/old; ls -d /data/one')" \
        "replaced
again
dir
again"
    imgc run --rm $image sh -c "$(list_tree)" >/tmp/mounted
    imgc unpack $image /root/unpacked
    chroot /root/unpacked sh -c "$(list_tree)" >/tmp/unpacked
    rm -rf /root/unpacked
    [ "$(wc -l </tmp/unpacked)" -gt 100 ] || fail "the list is short"
    diff /tmp/unpacked /tmp/mounted
}

many_layers() {
    image=127.0.0.1:5000/many:layers
    imgc pull -q --tls-verify=false $image
    same "files" "$(imgc run --rm $image sh -c 'ls /n | wc -l; cat /n/1 /n/125 /n/last')" "64
1
125
126"
    status 0 imgc run --rm $image sh -c 'rm /n/1; rm -r /data; echo new >/n/last; [ ! -e /n/1 ] &&
        [ ! -e /data ] && [ "$(cat /n/last)" = new ]'
}

# Names that mean something in mount options, and one longer than an option may be.
odd_places() {
    long=$(printf 'x%.0s' $(seq 200))
    for dir in '/root/a:b,c\d e' "/root/$long/$long"; do
        imgc --root "$dir" import -c 'CMD ["sh"]' /images/busybox.tar bb >/dev/null
        same "in $dir" "$(imgc --root "$dir" run --rm bb sh -c 'cat /data/one; echo x >/data/one')" one
        soon removed "$dir"
    done
}

# Once imgc's own processes have cleared up after --rm and unpacking: busybox' rm fails beside them.
removed() {
    rm -rf "$1" 2>/dev/null
    [ ! -e "$1" ]
}

read_only() {
    status 1 imgc run --rm --read-only bb touch /x
    bb --read-only --tmpfs /scratch -- 'touch /scratch/x /dev/shm/y'
    status 1 bb -v /images:/mnt:ro -- 'touch /mnt/x'
}

# In a cgroup namespace whose root has processes (a container of systemd's or docker's) v2 cannot
# divide its controllers: no limits, but containers, and a reason.
crowded_root() {
    mkdir /sys/fs/cgroup/crowd
    sh -c 'echo $$ >/sys/fs/cgroup/crowd/cgroup.procs && exec /bin/unshare -C -m sh -ec "
        umount /sys/fs/cgroup
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        imgc run --rm bb true
        imgc run --rm -m 64m bb true && exit 1
        exit 0"' 2>/tmp/stderr || fail "it ended with $?: $(cat /tmp/stderr)"
    same "lines of error" "$(grep -c '^Error: ' /tmp/stderr)" 1
    grep '^Error: .*cannot limit memory .*has processes of its own' /tmp/stderr
    [ ! -e /sys/fs/cgroup/crowd/imgc ] || rmdir /sys/fs/cgroup/crowd/imgc
    rmdir /sys/fs/cgroup/crowd
}

# What the kernel wrote about mounts and cgroups, but for who ran out of memory.
kernel_log() {
    ! dmesg | grep -E 'overlayfs:|WARNING:|BUG:|blocked for' || fail "the kernel complained"
}

# --- running them --------------------------------------------------------------------------------

check() { # NAME WHAT
    n=$((n + 1))
    before=$(cut -d. -f1 /proc/uptime)
    (set -e; "$1") >$log 2>&1
    result=$?
    if [ $result = 0 ]; then
        (clean) >>$log 2>&1
        result=$?
    fi
    after=$(cut -d. -f1 /proc/uptime)
    if [ $result = 0 ]; then
        echo "ok $n - $2 ($((after - before)) s)" >$results
    else
        echo "not ok $n - $2" >$results
        head -n 20 $log | sed 's/^/# /' >$results
        processes >/dev/null && killall -9 imgc
        imgc ps -q >/dev/null # removes what they left
    fi
}

# With memory limits: kernels of Debian 13 and later have no such controller in v1.
check_limited() { # NAME WHAT
    if [ "$version" = v2 ] || [ -e /sys/fs/cgroup/memory/cgroup.procs ]; then
        check "$@"
    else
        n=$((n + 1))
        echo "ok $n - $2 # SKIP this kernel has no memory controller for $version" >$results
    fi
}

# Over netlink, as there is no program nft here: what the rules are written with has grown with the kernels.
bridge() {
    imgc run --rm --network bridge bb sh -c 'ip -4 -o addr show eth0 | grep -q "inet 10\." && ip route | grep -q default' ||
        fail "no interface with an address"
    imgc run -d --name server --network bridge -p 8080:80 bb nc -l -p 80 -e echo published >/dev/null
    address=$(ip -4 -o addr show imgc0 | sed 's/.*inet \([0-9.]*\).*/\1/')
    same "over a published port" "$(nc -w 20 "$address" 8080 </dev/null)" published
    imgc rm -f server >/dev/null
    soon no_bridge
}

no_bridge() {
    [ ! -e /sys/class/net/imgc0 ]
}

clean() {
    no_cgroup || fail "left: $(find /sys/fs/cgroup -type d -path '*/imgc/*')"
    ! grep -E '/var/lib/imgc|overlay' /proc/self/mountinfo || fail "a mount is left"
    soon none_runs
}

# shellcheck source=tests/vm/checks_limits.sh
. /root/checks_limits.sh
export IMGC_NETWORK=none # but where it is asked for
prepare
uname -r | sed 's/^/# Linux /' >$results
check import_and_run "an imported image runs, without a warning"
check layer_form "images are directories here, and it is told why"
check exit_codes "exit codes are told apart"
check isolation "a container is alone"
check_limited own_cgroups "a container sees its own cgroup, and cannot change it"
check_limited memory_hog "a memory hog is killed at -m, and it is told"
check_limited memory_swap "--memory-swap"
check fork_bomb "a fork bomb stops at --pids-limit"
check cpus "--cpus 0.3 gives 0.3 of a core, within a fifth"
check_limited all_limits "all limits at once"
check devices "the cgroup allows the standard devices only"
check device_nodes "a device node of the container's own making opens nothing"
check_limited killed_launcher "kill -9 of imgc leaves no process, and the next command removes the cgroup"
check_limited removed_while_running "rm -f of a container with many processes"
check_limited stragglers "what the first process leaves running ends with it"
check read_only "--read-only and read-only volumes"
check bridge "a network with a bridge, and a published port"
check_limits
if [ "$version" = v2 ]; then # the same, or nothing, on v1
    check crowded_root "where v2's controllers are taken, that is the error, and only with limits"
    check unpacked_is_mounted "a pulled image: a root unpacked and one mounted are equal"
    check many_layers "a pulled image of 127 layers"
    check odd_places "a store in a place with an odd name"
fi
check kernel_log "the kernel's log has no complaint"
echo "1..$n" >$results
