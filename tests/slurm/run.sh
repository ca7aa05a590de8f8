#!/usr/bin/env bash
# Slurm as users have it, on this one machine and without systemd: munged, slurmctld and two slurmd. A campaign is submitted, one
# of its tasks is killed and another one requeued in the middle; the whole must be bit for bit that of a run without Slurm.
#
#   bash tests/slurm/run.sh MIRRORSIM KEEP
#
# MIRRORSIM is the command; a failure leaves what everybody has said in the folder KEEP. Installs Debian's slurm-wlm and munge if
# they are not there. Everything is in a temporary folder and ends with this script: within three minutes, and within seven on a
# machine that has much else to do.
set -uo pipefail
# This one may be a task of another Slurm.
unset "${!SLURM_@}" "${!SBATCH_@}"
mirrorsim=$(realpath "${1:?the command}")
keep=${2:?a folder}
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin
scenarios=(scenarios/smoke/first_run.yaml scenarios/smoke/exact_fit.yaml)

install() {
    [ "$(command -v munged slurmctld slurmd sbatch scontrol | wc -l)" -eq 5 ] && return
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    echo "installing slurm-wlm and munge"
    local patient=(-o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
    $sudo apt-get "${patient[@]}" update -qq &&
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get "${patient[@]}" install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
}
install || { echo "cannot install Slurm"; exit 1; }

# Nothing below goes on for longer.
deadline=$((SECONDS + 400))
work=$(mktemp -d)
started=()

# Whatever happens: nothing that was started here goes on, and what was said is kept if it is wanted.
leave() {
    local code=$? pid
    trap - EXIT INT TERM
    if [ -n "${SLURM_CONF:-}" ]; then
        timeout 5 scancel --user="$(id -un)" 2>/dev/null
        for _ in $(seq 50); do [ -z "$(timeout 5 squeue --noheader 2>/dev/null)" ] && break; sleep 0.1; done
    fi
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; done
    for _ in $(seq 50); do alive "${started[@]}" || break; sleep 0.1; done
    for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null; done
    if [ $code -ne 0 ]; then
        rm -rf "$keep" && mkdir -p "$keep"
        cp -r "$work/log" "$keep/" 2>/dev/null
        cp -r "${out:-/nowhere}"/slurm "$keep/tasks" 2>/dev/null && rm -f "$keep/tasks/mirrorsim"
        tail -n 15 "$keep"/log/* "$keep"/tasks/*.log 2>/dev/null
        echo "slurm: FAILED; all of it is in $keep"
    fi
    rm -rf "$work"
    exit $code
}
trap leave EXIT
trap 'exit 1' INT TERM

alive() {
    local pid
    for pid; do kill -0 "$pid" 2>/dev/null && return 0; done
    return 1
}

die() {
    echo "slurm: $*"
    exit 1
}

# until_true WHAT COMMAND...: waits for a command to succeed.
until_true() {
    local what=$1
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || die "gave up waiting for: $what"
        sleep 0.05
    done
}

# daemon NAME COMMAND...: one that ends with this script.
daemon() {
    "${@:2}" >"$work/log/$1.out" 2>&1 &
    started+=($!)
}

cluster() {
    mkdir -p "$work"/{etc,state,spool,munge,log}
    # munged wants a folder that others cannot change, and Slurm's tasks one that they can enter.
    chmod 755 "$work" "$work/munge"
    head -c 1024 /dev/urandom >"$work/munge/key"
    chmod 400 "$work/munge/key"
    local ports
    ports=$(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in held))') || die "no ports"
    # shellcheck disable=SC2086
    set -- $ports
    export SLURM_CONF=$work/etc/slurm.conf
    cat >"$SLURM_CONF" <<END
ClusterName=one
SlurmctldHost=$(uname -n | cut -d. -f1)(127.0.0.1)
SlurmctldPort=$1
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.%n.pid
SlurmctldLogFile=$work/log/slurmctld.log
SlurmdLogFile=$work/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
KillWait=2
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$2 CPUs=1
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$3 CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=10 State=UP
END
    # Newer ones look for control groups that a container does not have; older ones do not know the word.
    local version
    version=$(slurmd -V | tr -dc '0-9.' | cut -d. -f1,2)
    [ "${version%.*}" -lt 23 ] || echo CgroupPlugin=disabled >"$work/etc/cgroup.conf"
    daemon munged munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
        --pid-file="$work/munge/pid" --log-file="$work/log/munged.log" --seed-file="$work/munge/seed"
    until_true munged test -S "$work/munge/socket"
    daemon slurmctld slurmctld -D -f "$SLURM_CONF"
    daemon n1 slurmd -D -N n1 -f "$SLURM_CONF"
    daemon n2 slurmd -D -N n2 -f "$SLURM_CONF"
    until_true "two idle nodes" idle
    echo "slurm $version: two nodes are idle, $SECONDS s"
}

idle() {
    [ "$(timeout 5 sinfo --noheader --format=%D --states=idle 2>/dev/null)" = 2 ]
}

# Whether jobs have ended.
ended() {
    local said
    said=$(timeout 30 squeue --noheader --jobs="$1" 2>&1) && [ -z "$said" ]
}

pending() {
    [ "$(timeout 5 squeue --noheader --format=%T --jobs="$1" 2>/dev/null)" = PENDING ]
}

# The campaign as `submit` gets it.
submit() {
    timeout 60 "$mirrorsim" submit slurm "${scenarios[@]}" --seeds "1..=$seeds" --check end --shards 4 --out "$out" -- \
        --comment="it's \"ours\"" || die "submit ended with $?"
}

# ids TEXT: of the array and of the merge.
ids() {
    sed -n 's/^array \([0-9]*\) of 4 shards, and job \([0-9]*\) that merges them$/\1 \2/p' <<<"$1"
}

# Some of a shard's results are on disk.
begun() {
    [ -s "$out/shard-0000$1-of-00004/results.jsonl.gz" ]
}

# Ends a task as a machine without memory does, once it has results: whoever holds the shard's folder.
kill_task() {
    until_true "results of shard $1" begun "$1"
    local pid
    pid=$(sed -n 's/^process \([0-9]*\),.*/\1/p' "$out/shard-0000$1-of-00004/lock")
    [ "$(readlink "/proc/$pid/exe")" = "$out/slurm/mirrorsim" ] || die "shard $1 ended before it was killed; more seeds"
    kill -9 "$pid" || die "cannot kill $pid"
    echo "shard $1: killed, $SECONDS s"
}

# one COUNT: that many seeds of each scenario in one process.
one() {
    timeout 300 "$mirrorsim" campaign "${scenarios[@]}" --seeds "1..=$1" --check end --jobs 1 \
        --out "$work/whole-$1" >"$work/log/whole-$1.out" 2>&1 || die "the campaign of one process ended with $?"
}

# The same from one process. So many seeds that a shard, a quarter of them, takes four seconds: results are on disk after one,
# and it must not have ended before it is killed. Seconds of a processor: with those of a clock a machine that has more to do now
# than later would take fewer seeds than that.
whole() {
    local TIMEFORMAT=%U ms
    { time one 400; } 2>"$work/log/seconds"
    ms=$(tr -dc 0-9 <"$work/log/seconds")
    seeds=$((400 * 16000 / (1 + 10#$ms)))
    [ $seeds -gt 400 ] || seeds=401
    one $seeds
    echo "one process: $seeds seeds of ${#scenarios[@]} scenarios, $SECONDS s"
}

same() {
    cmp "$work/whole-$seeds/report.json" "$1/report.json" || die "$1 has another report than one process"
}

cluster
# A name with all that sbatch and shells take for something else.
out="$work/it's 100% \"done\" #1"
whole

said=$(submit) || exit 1
echo "$said"
read -r array merge <<<"$(ids "$said")"
[ -n "$merge" ] || die "no numbers of jobs"
kill_task 2
until_true "results of shard 3" begun 3
timeout 30 scontrol requeue "${array}_3" || die "shard 3 ended before it was requeued; more seeds"
# Slurm lets a requeued task wait for two minutes. Some of it is needed: the node counts in whole seconds, and takes a task that
# begins in the second in which it was ended for the one that was ended.
until_true "shard 3 in the queue" pending "${array}_3"
timeout 30 scontrol update JobId="${array}_3" StartTime=now+2 || die "shard 3 cannot be started again"
echo "shard 3: requeued, $SECONDS s"
until_true "the first merge" ended "$array,$merge"
grep -q 'shards are missing or not complete: 2/4$' "$out/slurm/merge-$merge.log" || die "the merge does not name shard 2/4 alone"
timeout 30 scontrol show job "$merge" | grep -q 'ExitCode=5:0' || die "the merge of three shards did not end with 5"
[ "$(grep -c '^note: shard 3/4' "$out/slurm/${array}_3.log")" -eq 2 ] || die "shard 3 was not started twice"
grep -q 'results are there already' "$out/slurm/${array}_3.log" || die "shard 3 has begun anew"
echo "the merge has named shard 2/4, $SECONDS s"

said=$(submit) || exit 1
read -r array merge <<<"$(ids "$said")"
until_true "the second merge" ended "$array,$merge"
grep -q 'results are there already' "$out/slurm/${array}_2.log" || die "shard 2 has begun anew"
timeout 30 scontrol show job "$merge" | grep -q 'ExitCode=0:0' || die "the merge of four shards did not end with 0"
same "$out/merged"
echo "submitted again: the report of one process, $SECONDS s"

# Scripts of users, whose arrays begin where they like.
for tasks in 0-3 1-7:2; do
    line="cd ${PWD@Q} && exec ${mirrorsim@Q} campaign ${scenarios[*]} --seeds 1..=40 --check end --jobs 1"
    line+=" --out '$work/by-hand-$tasks' --shard auto --resume"
    job=$(timeout 30 sbatch --parsable --array="$tasks" --output="$work/log/by-hand-$tasks-%a.out" --wrap="$line") || die "sbatch"
    until_true "array $tasks" ended "$job"
    timeout 60 "$mirrorsim" merge "$work/by-hand-$tasks" --out "$work/merged-$tasks" >/dev/null || die "array $tasks does not merge"
done
cmp "$work/merged-0-3/report.json" "$work/merged-1-7:2/report.json" || die "arrays 0-3 and 1-7:2 differ"
echo "slurm: passed, $SECONDS s"
