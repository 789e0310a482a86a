/*
 * Instances of inputs. As in Fluent Bit each has a thread of its own, on which all of
 * its functions are called, and what it gives is in a queue until the engine, which is
 * the thread of main, takes it: it counts it, passes it to filters and writes it. With threaded off there is no thread and no queue.
 */
#include "host.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_QUEUE 64

struct batch { unsigned char *data; size_t size; };

enum state { STARTING, REFUSED, READY, RUNNING, DONE };

struct input {
    struct flb_input_instance *ins;
    struct flbgo_input_plugin plugin;
    struct flb_plugin_input_proxy_context context;
    void (*cb_pause)(void), (*cb_resume)(void);
    const struct input_plan *plan;
    int calls;

    pthread_t thread;
    pthread_mutex_t lock;       /* guards what follows */
    pthread_cond_t changed;
    enum state state;
    int must_exit, paused, full;
    struct batch queue[MAX_QUEUE];
    int queued;
};

static void take(struct input *in, struct batch *b);

struct input *input_new(struct flb_input_instance *ins, const struct input_symbols *s, char *name, struct flb_api *api,
                        const struct input_plan *plan)
{
    struct input *in = calloc(1, sizeof(*in));

    in->ins = ins;
    in->plan = plan;
    in->full = plan->full;
    in->plugin.name = name;
    in->plugin.api = api;
    in->plugin.i_ins = ins;
    in->plugin.context = &in->context;
    in->plugin.cb_init = (int (*)(struct flbgo_input_plugin *)) s->init;
    in->plugin.cb_collect = s->collect;
    in->plugin.cb_cleanup = s->cleanup;
    in->plugin.cb_exit = s->exit;
    in->cb_pause = s->pause;
    in->cb_resume = s->resume;
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->changed, NULL);
    return in;
}

static void set_state(struct input *in, enum state state)
{
    pthread_mutex_lock(&in->lock);
    in->state = state;
    pthread_cond_broadcast(&in->changed);
    pthread_mutex_unlock(&in->lock);
}

/* Waits until the state is at least this, and returns it. */
static enum state wait_state(struct input *in, enum state state)
{
    enum state now;

    pthread_mutex_lock(&in->lock);
    while (in->state < state) {
        pthread_cond_wait(&in->changed, &in->lock);
    }
    now = in->state;
    pthread_mutex_unlock(&in->lock);
    return now;
}

/* flb_input_log_append: into the queue, or to the engine at once where there is no thread. */
static void append(struct input *in, void *data, size_t size)
{
    struct batch b = { malloc(size), size };
    char *labels[] = { (char *) flb_input_name(in->ins) };

    memcpy(b.data, data, size);
    if (!in->ins->threaded) {
        if (in->paused) {
            free(b.data);
        } else {
            take(in, &b);
        }
        return;
    }
    pthread_mutex_lock(&in->lock);
    if (in->full > 0 || in->queued == MAX_QUEUE) {
        in->full--;
        free(b.data);
        if (in->ins->failed) cmt_counter_add(in->ins->failed, 1000000000, 1, 1, labels);
    } else {
        in->queue[in->queued++] = b;
        if (in->ins->writes) cmt_counter_add(in->ins->writes, 1000000000, 1, 1, labels);
    }
    pthread_mutex_unlock(&in->lock);
}

/* flb_proxy_input_cb_collect, with pauses before it. */
static void collect(struct input *in)
{
    void *data = NULL;
    size_t size = 0;
    int pause = in->plan->pause_from == ++in->calls, resume = in->plan->pause_to == in->calls;

    if (pause || resume) {
        pthread_mutex_lock(&in->lock);
        in->paused = pause;
        pthread_mutex_unlock(&in->lock);
        (pause ? in->cb_pause : in->cb_resume)();
    }
    in->plugin.cb_collect(&data, &size);
    if (size == 0) {
        return;
    }
    append(in, data, size);
    in->plugin.cb_cleanup(data);
}

static void *run_thread(void *arg)
{
    struct input *in = arg;

    if (in->plugin.cb_init(&in->plugin) != FLB_OK) {
        set_state(in, REFUSED);
        return NULL;
    }
    set_state(in, READY);
    wait_state(in, RUNNING);
    while (in->calls < in->plan->calls && !in->must_exit) {
        collect(in);
        usleep((useconds_t) in->plan->every * 1000);
    }
    set_state(in, DONE);
    pthread_mutex_lock(&in->lock);
    while (!in->must_exit) {
        pthread_cond_wait(&in->changed, &in->lock);
    }
    pthread_mutex_unlock(&in->lock);
    in->plugin.cb_exit();
    return NULL;
}

int input_start(struct input *in)
{
    if (!in->ins->threaded) {
        in->state = in->plugin.cb_init(&in->plugin) == FLB_OK ? READY : REFUSED;
    } else {
        pthread_create(&in->thread, NULL, run_thread, in);
        if (wait_state(in, REFUSED) == REFUSED) {
            pthread_join(in->thread, NULL);
        }
    }
    if (in->state == REFUSED) {
        flb_log_print(FLB_LOG_ERROR, NULL, 0, "[go proxy]: plugin '%s' failed to initialize", in->plugin.name);
        return -1;
    }
    in->ins->cmt->complete = 1;
    return 0;
}

/* The engine takes a batch: it counts and, where it would write it to a chunk, prints it. */
static void take(struct input *in, struct batch *b)
{
    char *labels[] = { (char *) flb_input_name(in->ins) };
    size_t count, done = print_events(b->data, b->size, NULL, NULL, &count);

    cmt_counter_add(in->ins->records, 1000000000, (double) count, 1, labels);
    usleep((useconds_t) in->plan->filter * 1000);
    if (in->plan->absent && access(in->plan->absent, F_OK) == 0) {
        fprintf(stderr, "host: %s is there before the batch is written\n", in->plan->absent);
        *in->plan->wrong = 1;
    }
    print_events(b->data, b->size, in->plan->name ? labels[0] : NULL, in->plan->quiet ? NULL : stdout, &count);
    if (done < b->size) {
        fprintf(stderr, "host: no msgpack event at byte %zu of %zu\n", done, b->size);
    }
    free(b->data);
}

/* flb_input_chunk_ring_buffer_collector: takes all that is in the queue unless the instance is paused. */
static void take_all(struct input *in)
{
    struct batch all[MAX_QUEUE];
    int n = 0;

    pthread_mutex_lock(&in->lock);
    if (!in->paused) {
        n = in->queued;
        memcpy(all, in->queue, sizeof(all));
        in->queued = 0;
    }
    pthread_mutex_unlock(&in->lock);
    for (int i = 0; i < n; i++) {
        take(in, &all[i]);
    }
}

/* Waits for an event as a server's thread does. */
static void *serve(void *events)
{
    struct epoll_event event[256];

    while (epoll_wait(*(int *) events, event, 256, 250) < 1) {
        continue;
    }
    return NULL;
}

void inputs_run(struct input **all, int count, const struct input_plan *plan, const volatile sig_atomic_t *stop)
{
    int running = count, waited = 0, events = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), others = epoll_create1(EPOLL_CLOEXEC);
    struct itimerspec tick = { { 0, 1000000 }, { 0, 1000000 } };
    struct epoll_event event[256], readable = { .events = EPOLLIN };
    pthread_t server;
    uint64_t ticks;
    char name[16];

    /*
     * The engine's thread has this name, and waits for at most 256 events, without a timeout, if it
     * has nothing to do. So do the threads of servers that it starts, but with a timeout.
     */
    prctl(PR_GET_NAME, name);
    prctl(PR_SET_NAME, "flb-pipeline");
    timerfd_settime(timer, 0, &tick, NULL);
    epoll_ctl(events, EPOLL_CTL_ADD, timer, &readable);
    pthread_create(&server, NULL, serve, &others);

    for (int i = 0; i < count; i++) {
        set_state(all[i], RUNNING);
    }
    while (running && !*stop) {
        if (epoll_wait(events, event, 256, -1) == 1 && read(timer, &ticks, sizeof(ticks)) < 0) {
            abort();
        }
        waited++;
        running = 0;
        for (int i = 0; i < count; i++) {
            struct input *in = all[i];

            if (!in->ins->threaded && in->calls < plan->calls && waited % (plan->every + 1) == 0) {
                collect(in);
            }
            if (plan->take >= 0 && waited % (plan->take + 1) == 0) {
                take_all(in);
            }
            pthread_mutex_lock(&in->lock);
            running |= in->ins->threaded ? in->state != DONE : in->calls < plan->calls;
            pthread_mutex_unlock(&in->lock);
        }
    }
    prctl(PR_SET_NAME, name);
    epoll_ctl(others, EPOLL_CTL_ADD, timer, &readable); /* its event */
    pthread_join(server, NULL);
    close(others);
    close(timer);
    close(events);
}

void input_free(struct input *in)
{
    if (in->state != REFUSED) {
        if (in->ins->threaded) {
            pthread_mutex_lock(&in->lock);
            in->must_exit = 1;
            if (in->state < RUNNING) in->state = RUNNING;
            pthread_cond_broadcast(&in->changed);
            pthread_mutex_unlock(&in->lock);
            pthread_join(in->thread, NULL);
        } else {
            in->plugin.cb_exit();
        }
    }
    for (int i = 0; i < in->queued; i++) {      /* flb_input_chunk_ring_buffer_cleanup */
        free(in->queue[i].data);
    }
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->changed);
    free(in);
}
