/* SPDX-License-Identifier: Apache-2.0 */
/* poller.c - rounds against the store on the thread pool, and the timer between them. */
#include "supervisor/poller.h"

#include <stdlib.h>
#include <string.h>

#include "mimo/cleanup.h"

/* Milliseconds in which workers that become free are gathered for one round. */
enum { POLLER_SOON = 2 };

/* A round's own copy of all it needs: it shares nothing with the event loop. */
struct poller_round {
    struct store *store;
    struct settle_rules rules;
    struct membership membership;
    struct steady_time now;
    bool drained; /* the buckets are given away: nothing is claimed, returned or timed out */
    bool recover;
    bool refresh;
    bool tidy;
    bool urgent; /* poll at once: there may be new work */
    struct claim_request claim;
    struct poll_result result;
};

static void on_timer(uv_timer_t *timer);
static void on_round_done(uv_work_t *work, int status);

/* If the two clocks disagree, a lease is live if either says so; a deadline has passed only if both
 * do. */
static int run_steps(struct poller_round *round)
{
    int64_t now = round->now.earliest / 1000;
    struct poll_result *result = &round->result;
    struct error *error = &result->error;

    if (round->refresh) {
        struct membership_time time = {round->now.steady / 1000, clock_monotonic()};
        int status = membership_refresh(round->store, &round->membership, time, error);
        result->standing = round->membership.standing;
        if (status < 0)
            return -1;
        result->refreshed = true;
        if (result->standing == MEMBERSHIP_WATCHING)
            return 0;
    }
    if (round->recover) {
        if (upkeep_recover_owned(round->store, &round->rules, now, &result->counts, error) < 0)
            return -1;
        result->recovered = true;
    } else if (round->tidy && !round->drained &&
               upkeep_run(round->store, &round->rules, round->membership.buckets, now,
                          &result->counts, error) < 0) {
        return -1;
    }
    if (stops_find(round->store, result->watches, result->watch_count, error) < 0)
        return -1;
    if (round->drained)
        return 0;
    round->claim.buckets = round->membership.buckets;
    return claim_run(round->store, &round->claim, now, &result->claims, error);
}

static void run_round(uv_work_t *work)
{
    struct poller *poller = work->data;
    struct poller_round *round = poller->round;
    round->result.claims.next_due = -1;
    round->result.answered = run_steps(round) == 0;
}

static int64_t left_of(struct monotonic since, int64_t interval)
{
    int64_t left = interval - clock_elapsed(since);
    return left > 0 ? left : 0;
}

/* Rounds that only fill slots which became free do not look after the running attempts. */
static void add_watches(struct poller *poller)
{
    struct poller_round *round = poller->round;
    if (!round->tidy && !round->urgent)
        return;
    round->result.watches =
        calloc((size_t)poller->config->actuator_max_workers, sizeof(*round->result.watches));
    if (round->result.watches)
        round->result.watch_count =
            poller->handlers->running(poller->context, round->result.watches);
}

static bool is_time_to_look(const struct membership *membership)
{
    return clock_monotonic().milliseconds >= membership->look_again.milliseconds;
}

/* What the others and the operators are told with the next announcement. */
static const char *mode_of(const struct poller *poller)
{
    if (poller->hold == POLLER_WORKING)
        return "working";
    if (poller->hold == POLLER_PAUSED)
        return "paused";
    return poller->handlers->busy(poller->context) ? "draining" : "drained";
}

/* A change is announced at once. */
static void update_mode(struct poller *poller)
{
    const char *mode = mode_of(poller);
    if (strcmp(mode, poller->membership.mode) != 0)
        poller->last_refresh = (struct monotonic){0};
    poller->membership.mode = mode;
}

static void begin_round(struct poller *poller)
{
    const struct config *config = poller->config;
    poller->round = calloc(1, sizeof(*poller->round));
    if (!poller->round) {
        uv_timer_start(&poller->timer, on_timer, (uint64_t)config->actuator_poll_interval, 0);
        return;
    }
    bool urgent = poller->wish == POLLER_WISH_NOW;
    poller->wish = POLLER_WISH_NONE;
    uv_timer_stop(&poller->timer);
    update_mode(poller);
    struct steady_time now = steady_clock_now(poller->clock);
    *poller->round = (struct poller_round){
        .store = poller->store,
        .rules = *poller->rules,
        .membership = poller->membership,
        .now = now,
        .drained = poller->hold == POLLER_DRAINED,
        .recover = !poller->recovered,
        .refresh = !poller->recovered || is_time_to_look(&poller->membership) ||
                   left_of(poller->last_refresh, config->actuator_membership_interval) == 0,
        .urgent = urgent,
        .tidy = left_of(poller->last_upkeep, config->actuator_poll_interval) == 0,
        .claim =
            {
                .actuator = poller->rules->actuator,
                .incarnation = poller->rules->incarnation,
                .limit = poller->hold == POLLER_WORKING
                             ? poller->handlers->free_workers(poller->context)
                             : 0,
                .lease_seconds =
                    config->actuator_lease_ttl / 1000 + now.latest / 1000 - now.earliest / 1000,
            },
        .result.began = clock_monotonic(),
        .result.lease_milliseconds = config->actuator_lease_ttl,
    };
    memcpy(poller->round->claim.mark, poller->rules->mark, sizeof(poller->round->claim.mark));
    add_watches(poller);
    poller->work.data = poller;
    uv_queue_work(poller->loop, &poller->work, run_round, on_round_done);
}

/* Milliseconds until the next round has something to do. */
static int64_t next_pause(const struct poller *poller, int64_t next_due)
{
    int64_t pause = left_of(poller->last_upkeep, poller->config->actuator_poll_interval);
    if (next_due >= 0) {
        int64_t until_due = next_due * 1000 - steady_clock_now(poller->clock).earliest;
        if (until_due < pause)
            pause = until_due;
    }
    return pause > 0 ? pause : 1;
}

/* Begins the next round, or starts the timer for it. */
static void plan_round(struct poller *poller, bool answered, int64_t next_due)
{
    int64_t pause = next_pause(poller, next_due);
    if (answered && poller->wish == POLLER_WISH_NOW) {
        begin_round(poller);
        return;
    }
    if (answered && poller->wish == POLLER_WISH_SOON && pause > POLLER_SOON)
        pause = POLLER_SOON;
    uv_timer_start(&poller->timer, on_timer, (uint64_t)pause, 0);
}

static void on_round_done(uv_work_t *work, int status)
{
    (void)status; /* never cancelled */
    struct poller *poller = work->data;
    cleanup_free struct poller_round *round = take_pointer(&poller->round);
    struct poll_result *result = &round->result;
    struct monotonic now = clock_monotonic();

    poller->membership.standing = round->membership.standing;
    if (result->refreshed) {
        poller->membership.buckets = round->membership.buckets;
        poller->membership.live = round->membership.live;
        poller->membership.look_again = round->membership.look_again;
        poller->last_refresh = now;
    }
    poller->recovered = poller->recovered || result->recovered;
    if (round->tidy || round->recover || !result->answered)
        poller->last_upkeep = now; /* after a failure too: the next try is a poll interval away */
    if (result->answered)
        poller->last_answer = now;
    else
        poller->last_refresh = (struct monotonic){0}; /* the next round tries to write */

    int64_t next_due = result->claims.next_due;
    poller->handlers->polled(poller->context, result);
    claim_round_free(&result->claims);
    free(result->watches);

    if (poller->closing)
        return;
    if (!poller->round)
        plan_round(poller, result->answered, next_due);
}

static void on_timer(uv_timer_t *timer)
{
    struct poller *poller = timer->data;
    if (!poller->round)
        begin_round(poller);
}

void poller_wake(struct poller *poller)
{
    poller->wish = POLLER_WISH_NOW;
    if (!poller->round && !poller->closing && poller->recovered)
        begin_round(poller);
}

void poller_wake_soon(struct poller *poller)
{
    if (poller->wish != POLLER_WISH_NONE)
        return;
    poller->wish = POLLER_WISH_SOON;
    if (!poller->round && !poller->closing && poller->recovered &&
        uv_timer_get_due_in(&poller->timer) > POLLER_SOON)
        uv_timer_start(&poller->timer, on_timer, POLLER_SOON, 0);
}

void poller_start(struct poller *poller)
{
    begin_round(poller);
}

void poller_set_hold(struct poller *poller, enum poller_hold hold)
{
    poller->hold = hold;
    poller_wake(poller);
}

bool poller_is_busy(const struct poller *poller)
{
    return poller->round != NULL;
}

int poller_initialize(struct poller *poller, uv_loop_t *loop, struct store *store,
                      const struct config *config, const struct settle_rules *rules,
                      struct steady_clock *clock, const struct membership *membership,
                      const struct poller_handlers *handlers, void *context, struct error *error)
{
    *poller = (struct poller){
        .loop = loop,
        .store = store,
        .config = config,
        .rules = rules,
        .clock = clock,
        .membership = *membership,
        .handlers = handlers,
        .context = context,
    };
    int status = uv_timer_init(loop, &poller->timer);
    if (status < 0)
        return error_set(error, ERROR_SYSTEM, "cannot create a timer: %s", uv_strerror(status));
    poller->timer.data = poller;
    return 0;
}

void poller_close(struct poller *poller)
{
    poller->closing = true;
    uv_close((uv_handle_t *)&poller->timer, NULL);
}
