/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.pml - the lease protocol as a model for spin(1): two actuators, two worker slots for the one that may crash and
 * drain and one for the other, two manifests of one cluster, and all that may go wrong, as often as the budgets allow.
 * docs/lease-protocol.md explains it; tests/model/run checks it.
 *
 * What holds (assertions):
 *   - never two live workers on the cluster
 *   - a result is written by the attempt that owns the manifest, and once
 *   - dequeues is at most MAXIMUM; terminal states never change
 *   - when nothing can happen any more, every manifest is terminal and the cluster is free
 *
 * With one of these it does not, which shows that the model can tell:
 *   -DFENCE_BY_STATE    a result is written wherever the manifest is in progress
 *   -DFENCE_BY_OWNER    ... and still this actuator's, whatever the attempt
 *   -DFENCE_BY_NUMBER   ... and at this attempt's number, without the claim's token: a restored store repeats numbers
 *   -DSTART_LATE        a worker may be started after its lease
 *   -DRECOVER_EARLY     a restarted actuator does not wait until the workers of its earlier life have ended
 *   -DRELEASE_ANY       a late result gives back whatever lease its manifest has on the cluster
 *   -DCLONE_RECOVERS    a copy of an actuator's state directory recovers without looking whether the original lives
 *   -DFORGET_CLUSTER    a late result leaves its cluster's lease alone, and nobody looks for leases that ran out
 */

#define ACTUATORS 2
#define SLOTS     3 /* 0 and 1 are actuator 0's, 2 is actuator 1's */
#define MANIFESTS 2
#define MAXIMUM   2 /* attempts that count */
/* Budgets: how often it happens at most. */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#ifndef DRAINS
#define DRAINS 1
#endif
#ifndef UNKNOWN /* commits that happen although the actuator is told that they failed */
#define UNKNOWN 1
#endif
#ifndef RESTORES /* the store goes back to its beginning while no worker runs, but results are still to be written */
#define RESTORES 0
#endif
#ifndef CLONES /* starts of a copy of actuator 0 */
#define CLONES 0
#endif
#define NOBODY    9

mtype = {PENDING, IN_PROGRESS, COMPLETED, EXCEEDED, CANCELLED};         /* of a manifest */
mtype = {IDLE, READ, CLAIMED, RUNNING, ENDED, SETTLING, ORPHANED};      /* of a slot */
mtype = {SUCCEED, RETRY, DRAIN};                                        /* results */

/* The store. */
mtype state[MANIFESTS] = PENDING;
byte owner[MANIFESTS] = NOBODY;
byte attempt[MANIFESTS];
byte token[MANIFESTS]; /* of the claim; the epoch will do, for within one the numbers differ */
byte dequeues[MANIFESTS];
bool expired[MANIFESTS];
byte lessee = NOBODY; /* of the cluster */
byte lessee_manifest = NOBODY;
byte lessee_attempt;
byte lessee_token;
bool cluster_expired;

/* Actuators and their slots. */
bool up[ACTUATORS] = true;
bool draining[ACTUATORS];
mtype phase[SLOTS] = IDLE;
byte job[SLOTS];
byte number[SLOTS];
byte claim_token[SLOTS];
mtype result[SLOTS] = SUCCEED;
bool fresh[SLOTS];   /* what the slot has read is what the store has: its etags still match */
bool over[SLOTS];    /* its lease is over, by its own clock */

/* For the assertions alone. */
byte holder[MANIFESTS] = NOBODY; /* the slot that got the latest attempt, until it has ended in the store */
byte live;                       /* workers alive on the cluster */

byte crashes, cancels, drains, unknown, clones;
byte epoch; /* how often the store went back */

#define actuator_of(w)      (w / 2) /* of slot w */
#define is_terminal(m)      (state[m] == COMPLETED || state[m] == EXCEEDED || state[m] == CANCELLED)
#define can_claim(w, m)     (phase[w] == IDLE && (w != 1 || phase[0] != IDLE) && up[actuator_of(w)] && !draining[actuator_of(w)] && \
                             state[m] == PENDING && (lessee == NOBODY || cluster_expired))

#ifdef FENCE_BY_STATE
#define owns(w)             (state[job[w]] == IN_PROGRESS)
#else
#ifdef FENCE_BY_OWNER
#define owns(w)             (state[job[w]] == IN_PROGRESS && owner[job[w]] == actuator_of(w))
#else
#define owns(w)             (state[job[w]] == IN_PROGRESS && owner[job[w]] == actuator_of(w) && \
                             attempt[job[w]] == number[w] && same_token(token[job[w]], claim_token[w]))
#endif
#endif

#ifdef FENCE_BY_NUMBER
#define same_token(a, b)    true
#else
#define same_token(a, b)    (a == b)
#endif

#ifdef START_LATE
#define may_start(w)        true
#else
#define may_start(w)        (!over[w])
#endif

/* A write changes etags: whoever has read the manifest, or the cluster, will be told of a conflict. */
inline outdate(m)
{
    fresh[0] = fresh[0] && job[0] != m;
    fresh[1] = fresh[1] && job[1] != m;
    fresh[2] = fresh[2] && job[2] != m
}

inline outdate_cluster()
{
    fresh[0] = false;
    fresh[1] = false;
    fresh[2] = false
}

#ifdef RELEASE_ANY
#define is_its_lease(a, m, n, t) (lessee == a && lessee_manifest == m)
#else
#define is_its_lease(a, m, n, t) (lessee == a && lessee_manifest == m && lessee_attempt == n && same_token(lessee_token, t))
#endif

inline free_cluster()
{
    lessee = NOBODY; lessee_manifest = NOBODY; lessee_attempt = 0; lessee_token = 0; cluster_expired = false
}

inline release_cluster(a, m, n, t)
{
    if
    :: is_its_lease(a, m, n, t) ->
        free_cluster();
        outdate_cluster()
    :: else
    fi
}

/* manifest_end_attempt() and the cluster's lease, in one pair. */
inline end_attempt(m, how, a)
{
    assert(state[m] == IN_PROGRESS);
    if
    :: how == SUCCEED -> state[m] = COMPLETED
    :: how == RETRY && dequeues[m] < MAXIMUM -> state[m] = PENDING
    :: how == RETRY && dequeues[m] >= MAXIMUM -> state[m] = EXCEEDED
    :: how == DRAIN -> state[m] = PENDING; dequeues[m]--
    fi;
    owner[m] = NOBODY;
    expired[m] = false;
    holder[m] = NOBODY;
    outdate(m);
    release_cluster(a, m, attempt[m], token[m])
}

inline kill_worker(w)
{
    if
    :: phase[w] == RUNNING || phase[w] == ORPHANED -> live--
    :: else
    fi
}

inline forget(w)
{
    phase[w] = IDLE; fresh[w] = false; over[w] = false; number[w] = 0; job[w] = 0; result[w] = SUCCEED;
    claim_token[w] = 0
}

inline claim(w, m)
{
    state[m] = IN_PROGRESS;
    owner[m] = actuator_of(w);
    attempt[m]++;
    token[m] = epoch;
    dequeues[m]++;
    assert(dequeues[m] <= MAXIMUM);
    expired[m] = false;
    lessee = actuator_of(w);
    lessee_manifest = m;
    lessee_attempt = attempt[m];
    lessee_token = epoch;
    cluster_expired = false;
    outdate_cluster();
    outdate(m)
}

proctype slot(byte w)
{
end:
    do
    /* Claim: read, then write on condition that nobody was first. */
    :: atomic { can_claim(w, 0) -> phase[w] = READ; job[w] = 0; fresh[w] = true }
    :: atomic { can_claim(w, 1) -> phase[w] = READ; job[w] = 1; fresh[w] = true }
    :: atomic { phase[w] == READ && !fresh[w] -> forget(w) }
    :: atomic { phase[w] == READ && fresh[w] ->
           claim(w, job[w]); number[w] = attempt[job[w]]; claim_token[w] = epoch; holder[job[w]] = w; over[w] = false; phase[w] = CLAIMED }
    :: atomic { phase[w] == READ && fresh[w] && unknown < UNKNOWN -> /* nobody will run it */
           unknown++; claim(w, job[w]); holder[job[w]] = NOBODY; forget(w) }
    /* The worker. */
    :: atomic { phase[w] == CLAIMED && may_start(w) -> phase[w] = RUNNING; live++; assert(live <= 1) }
    :: atomic { phase[w] == CLAIMED && !may_start(w) -> phase[w] = ENDED; result[w] = RETRY }
    :: atomic { phase[w] == RUNNING -> kill_worker(w); phase[w] = ENDED; result[w] = SUCCEED }
    :: atomic { phase[w] == RUNNING -> kill_worker(w); phase[w] = ENDED; result[w] = RETRY }
    :: atomic { phase[w] == RUNNING && draining[actuator_of(w)] -> kill_worker(w); phase[w] = ENDED; result[w] = DRAIN }
    :: atomic { phase[w] == ORPHANED -> kill_worker(w); forget(w) }
    /* The result: read, fence, write on condition that nobody was first. */
    :: atomic { phase[w] == ENDED && owns(w) -> phase[w] = SETTLING; fresh[w] = true }
    :: atomic { phase[w] == ENDED && !owns(w) -> /* late: it changes nothing but the cluster's lease, if that is still its own */
#ifndef FORGET_CLUSTER
           if
           :: !(state[job[w]] == IN_PROGRESS && owner[job[w]] == actuator_of(w)) -> release_cluster(actuator_of(w), job[w], number[w], claim_token[w])
           :: else
           fi;
#endif
           forget(w) }
    :: atomic { phase[w] == SETTLING && !fresh[w] -> phase[w] = ENDED }
    :: atomic { phase[w] == SETTLING && fresh[w] ->
           assert(holder[job[w]] == w); end_attempt(job[w], result[w], actuator_of(w)); forget(w) }
    :: atomic { phase[w] == SETTLING && fresh[w] && unknown < UNKNOWN -> /* written, and written again */
           unknown++; assert(holder[job[w]] == w); end_attempt(job[w], result[w], actuator_of(w)); phase[w] = ENDED }
    od
}

inline recover(a, m)
{
    if
    :: state[m] == IN_PROGRESS && owner[m] == a -> end_attempt(m, RETRY, a)
    :: else
    fi
}

inline crash_slot(w)
{
    if
    :: phase[w] == RUNNING -> phase[w] = ORPHANED; fresh[w] = false
    :: else -> forget(w)
    fi
}

#ifdef RECOVER_EARLY
#define may_recover() true
#else
#define may_recover() (phase[0] != ORPHANED && phase[1] != ORPHANED)
#endif

/* What happens to actuator 0 alone: the other one is the same. */
proctype trouble()
{
end:
    do
    :: atomic { up[0] && crashes < CRASHES -> crashes++; up[0] = false; crash_slot(0); crash_slot(1) }
    :: atomic { !up[0] && may_recover() -> /* the lock of the state directory is free */
           recover(0, 0); recover(0, 1);
           if :: lessee == 0 -> release_cluster(0, lessee_manifest, lessee_attempt, lessee_token) :: else fi;
           draining[0] = false; up[0] = true }
#ifdef CLONE_RECOVERS
    :: atomic { clones < CLONES -> clones++; recover(0, 0); recover(0, 1);
           if :: lessee == 0 -> release_cluster(0, lessee_manifest, lessee_attempt, lessee_token) :: else fi }
#else
    /* It watches the membership record: while that changes it refuses; once it is silent it is this actuator's restart. */
    :: atomic { clones < CLONES && up[0] -> clones++ }
#endif
    :: atomic { up[0] && !draining[0] && drains < DRAINS -> drains++; draining[0] = true }
    :: atomic { draining[0] && phase[0] == IDLE && phase[1] == IDLE -> draining[0] = false } /* started again */
    od
}

/* Upkeep: what expired is taken back, by whoever owns the bucket or believes so; actuator 1 is always there. */
proctype upkeep()
{
end:
    do
    :: atomic { state[0] == IN_PROGRESS && expired[0] -> end_attempt(0, RETRY, owner[0]) }
    :: atomic { state[1] == IN_PROGRESS && expired[1] -> end_attempt(1, RETRY, owner[1]) }
#ifndef FORGET_CLUSTER
    :: atomic { lessee != NOBODY && cluster_expired -> release_cluster(lessee, lessee_manifest, lessee_attempt, lessee_token) }
#endif
    od
}

/* The worker of a lease is dead before the lease is over: its alarm. So time passes only then. */
#define runs(w, m)    ((phase[w] == RUNNING || phase[w] == ORPHANED) && job[w] == m)
#define is_running(m) (runs(0, m) || runs(1, m) || runs(2, m))

/* Slots that have claimed and not started: their lease is over too, which they can tell by their own clock. */
#define is_over(w, m) (over[w] || (phase[w] == CLAIMED && job[w] == m && number[w] == attempt[m]))

inline pass_by(m)
{
    over[0] = is_over(0, m);
    over[1] = is_over(1, m);
    over[2] = is_over(2, m)
}

/* An administrator puts a backup of the beginning back. No worker may run then, but an actuator may still have results to
 * write, and numbers begin again. */
#define is_quiet(w)   (phase[w] != CLAIMED && phase[w] != RUNNING && phase[w] != ORPHANED)

inline put_back(m)
{
    state[m] = PENDING; owner[m] = NOBODY; attempt[m] = 0; token[m] = 0; dequeues[m] = 0; expired[m] = false; holder[m] = NOBODY;
    outdate(m)
}

proctype world()
{
end:
    do
    :: atomic { state[0] == IN_PROGRESS && !expired[0] && !is_running(0) -> expired[0] = true; pass_by(0);
           if :: lessee_manifest == 0 -> cluster_expired = true :: else fi }
    :: atomic { state[1] == IN_PROGRESS && !expired[1] && !is_running(1) -> expired[1] = true; pass_by(1);
           if :: lessee_manifest == 1 -> cluster_expired = true :: else fi }
    :: atomic { lessee != NOBODY && !cluster_expired && !is_running(lessee_manifest) ->
           cluster_expired = true; pass_by(lessee_manifest);
           if :: state[lessee_manifest] == IN_PROGRESS -> expired[lessee_manifest] = true :: else fi }
    /* An operator, who is not stopped by a worker that runs. */
    :: atomic { cancels < CANCELS && !is_terminal(0) ->
           cancels++; state[0] = CANCELLED; owner[0] = NOBODY; expired[0] = false; holder[0] = NOBODY; outdate(0) }
    :: atomic { epoch < RESTORES && is_quiet(0) && is_quiet(1) && is_quiet(2) ->
           epoch++; put_back(0); put_back(1); free_cluster(); outdate_cluster() }
    :: atomic { timeout -> assert(is_terminal(0) && is_terminal(1)); assert(lessee == NOBODY); break }
    od
}

init
{
    atomic { run slot(0); run slot(1); run slot(2); run trouble(); run upkeep(); run world() }
}
