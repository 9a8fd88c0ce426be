#include "train/loader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

typedef struct {
    rt_arena *arena;
    rt_sample sample;
    int64_t number, target;
    rt_status status;
    rt_err err;
} slot;

struct rt_loader {
    rt_loader_options options;
    int64_t *target;
    int64_t *order, order_epoch;   /* of the thread */
    bool *told;                    /* per place in `target`: its alignment has been warned about */
    slot *slot;                    /* a ring: one is the caller's, the others are built ahead */
    int64_t n_slot;
    int64_t next_number;           /* of the sample that is built next */
    int64_t n_built, n_taken;      /* samples so far; the k-th is in slot k % n_slot */
    bool taken;                    /* the caller holds sample n_taken - 1 */
    bool stop, started;
    double waited;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static int64_t place_of(const rt_loader *loader, int64_t number, int64_t *order, int64_t *order_epoch)
{
    int64_t n = loader->options.n_target, epoch = number / n;
    if (*order_epoch != epoch) rt_draws_epoch_order(loader->options.seed, epoch, n, order);
    *order_epoch = epoch;
    return order[number % n];
}

/* The first sample of this loader's part from `number` on. */
static int64_t find_own(const rt_loader *loader, int64_t number)
{
    const rt_loader_options *o = &loader->options;
    while (o->parts > 1 && number % o->n_target % o->parts != o->part) number++;
    return number;
}

static rt_draw_key key_of(const rt_loader *loader, int64_t number, int64_t place)
{
    const rt_loader_options *o = &loader->options;
    int64_t epoch = number / o->n_target;
    return (rt_draw_key){.seed = o->seed, .stream = rt_hash_text(rt_dataset_at(o->set, loader->target[place])->id),
                         .number = (uint64_t)(o->views > 0 ? epoch % o->views : number)};
}

static void build(rt_loader *loader, slot *s)
{
    const rt_loader_options *o = &loader->options;
    int64_t place = place_of(loader, s->number, loader->order, &loader->order_epoch);
    rt_draw_key key = key_of(loader, s->number, place);
    rt_sample_free_members(&s->sample);
    rt_arena_reset(s->arena, 0);
    s->err = (rt_err){0};
    s->target = loader->target[place];
    s->status = rt_sample_build(&s->sample, s->arena, &o->sample, rt_dataset_at(o->set, loader->target[place]), &key,
                                !loader->told[place], &s->err);
    loader->told[place] = true;
}

static void *run(void *argument)
{
    rt_loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stop) {
        int64_t held = loader->n_taken - loader->taken;   /* the oldest sample still in use */
        if (loader->n_built - held >= loader->n_slot) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        slot *s = &loader->slot[loader->n_built % loader->n_slot];
        s->number = loader->next_number;
        pthread_mutex_unlock(&loader->mutex);
        build(loader, s);
        pthread_mutex_lock(&loader->mutex);
        loader->next_number = find_own(loader, s->number + 1);
        loader->n_built++;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

static rt_status copy_targets(rt_loader *loader, const rt_loader_options *o, rt_err *err)
{
    rt_status status = RT_OK;
    if (o->n_target < 1) return rt_fail(err, RT_ERR_USAGE, NULL, 0, "there is no target to train on");
    RT_REQUIRE(o->parts <= o->n_target);
    RT_TRY_ALLOC(loader->target, o->n_target);
    RT_TRY_ALLOC(loader->order, o->n_target);
    RT_TRY_ALLOC(loader->told, o->n_target);
    memcpy(loader->target, o->target, (size_t)o->n_target * sizeof *o->target);
    for (int64_t i = 0; i < o->n_target; i++) {
        const rt_target *t = rt_dataset_at(o->set, o->target[i]);
        if (t->n_conformation > 0) continue;
        rt_fail(err, RT_ERR_MISMATCH, NULL, 0, "target '%s' has no experimental structure to learn from", t->id);
        return rt_hint(err, "leave it out of the training list");
    }
done:
    return status;
}

rt_status rt_loader_open(rt_loader **ret_loader, const rt_loader_options *options, int64_t first, rt_err *err)
{
    rt_loader *loader = NULL;
    rt_status status = RT_OK;
    *ret_loader = NULL;
    RT_REQUIRE(options->depth >= 1 && first >= 0);
    RT_TRY_ALLOC(loader, 1);
    loader->options = *options;
    loader->order_epoch = -1;
    loader->n_slot = options->depth + 1;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    RT_TRY(copy_targets(loader, options, err));
    loader->next_number = find_own(loader, first);
    RT_TRY_ALLOC(loader->slot, loader->n_slot);
    for (int64_t i = 0; i < loader->n_slot; i++)
        RT_TRY(rt_arena_create(&loader->slot[i].arena, "sample", options->sample_memory, err));
    if (pthread_create(&loader->thread, NULL, run, loader) != 0)
        RT_TRY(rt_fail(err, RT_ERR_MEMORY, NULL, 0, "cannot start the thread that loads samples"));
    loader->started = true;
    *ret_loader = loader;
    loader = NULL;
done:
    rt_loader_close(loader);
    return status;
}

void rt_loader_close(rt_loader *loader)
{
    if (!loader) return;
    if (loader->started) {
        pthread_mutex_lock(&loader->mutex);
        loader->stop = true;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        pthread_join(loader->thread, NULL);
    }
    for (int64_t i = 0; loader->slot && i < loader->n_slot; i++) {
        rt_sample_free_members(&loader->slot[i].sample);
        rt_arena_free(loader->slot[i].arena);
    }
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    free(loader->target);
    free(loader->order);
    free(loader->told);
    free(loader->slot);
    free(loader);
}

rt_status rt_loader_next(rt_loader *loader, rt_loader_item *out_item, rt_err *err)
{
    double begin = rt_clock();
    pthread_mutex_lock(&loader->mutex);
    loader->taken = false;   /* the one before is given back */
    pthread_cond_broadcast(&loader->changed);
    while (loader->n_built <= loader->n_taken) pthread_cond_wait(&loader->changed, &loader->mutex);
    slot *s = &loader->slot[loader->n_taken++ % loader->n_slot];
    int64_t number = s->number, n = loader->options.n_target;
    loader->taken = true;
    loader->waited += rt_clock() - begin;
    pthread_mutex_unlock(&loader->mutex);
    *out_item = (rt_loader_item){number, number / n, number % n, s->target, s->status == RT_OK ? &s->sample : NULL};
    if (s->status != RT_OK && err) *err = s->err;
    return s->status;
}

/* Any sample's place in `target`, worked out anew: the thread's own order is not touched. */
static int64_t find_place(const rt_loader *loader, int64_t number)
{
    int64_t n = loader->options.n_target, *order = rt_alloc(n, sizeof *order, NULL), epoch = -1;
    if (!order) RT_BUG("no memory for the order of %lld targets", (long long)n);
    int64_t place = place_of(loader, number, order, &epoch);
    free(order);
    return place;
}

int64_t rt_loader_target(const rt_loader *loader, int64_t number) { return loader->target[find_place(loader, number)]; }

rt_draw_key rt_loader_key(const rt_loader *loader, int64_t number)
{
    return key_of(loader, number, find_place(loader, number));
}

double rt_loader_waited(const rt_loader *loader) { return loader->waited; }
