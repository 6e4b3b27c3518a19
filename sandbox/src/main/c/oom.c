/*
 * Whether the kernel killed a container's processes for memory. Its own group tells, but systemd removes a scope with the last process in it, often before the shim
 * comes to read. A group above is still there; it counts for the pod's other containers too, so what is known of those is taken off.
 */
#include "cgroup.h"
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 3

/* Of containers that are forgotten by now. */
static uint64_t settled;

static const struct oom_source *own(const struct container *container) {
    return container->oom_count > 0 ? &container->ooms[0] : NULL;
}

/* False when its own group cannot tell any more; then the last known count stands. */
static bool look(struct container *container) {
    const struct oom_source *source = own(container);
    uint64_t now;

    if (source == NULL || !source->counted || !cgroup_count(source->path, source->key, &now))
        return false;
    container->oom_kills = now - source->before;
    return true;
}

static uint64_t known_of_others(const struct container *but) {
    uint64_t sum = settled;

    for (struct container *c = containers; c != NULL; c = c->next)
        if (c != but) {
            if (c->state != CONTAINER_EXITED)
                look(c);
            sum += c->oom_kills;
        }
    return sum;
}

/* What the source counts beyond the known; the others are read between two readings of it that agree. */
static bool unexplained(const struct container *container, const struct oom_source *source, uint64_t *count) {
    uint64_t before, after;

    for (int i = 0; i < TRIES; i++) {
        if (!cgroup_count(source->path, source->key, &before))
            return false;
        uint64_t known = known_of_others(container);
        if (!cgroup_count(source->path, source->key, &after))
            return false;
        *count = after - known;
        if (before == after)
            break;
    }
    return true;
}

int oom_keep(struct container *container, const struct spec *spec, struct error *error) {
    container->ooms = calloc(spec_count(spec, R_OOM) + 1, sizeof *container->ooms);
    if (container->ooms == NULL)
        return fail(error, "oom", NULL, ENOMEM, "no memory");
    for (const struct record *r = NULL; (r = spec_next(spec, R_OOM, r)) != NULL;) {
        struct oom_source *oom = &container->ooms[container->oom_count];

        *oom = (struct oom_source){.path = strdup(r->arg[0]), .key = strdup(r->arg[1])};
        if (oom->path == NULL || oom->key == NULL) {
            free(oom->path);
            free(oom->key);
            return fail(error, "oom", r->arg[0], ENOMEM, "no memory");
        }
        container->oom_count++;
        oom->counted = oom == own(container) ? cgroup_count(oom->path, oom->key, &oom->before)
                                             : unexplained(container, oom, &oom->before);
    }
    return 0;
}

void oom_read(struct container *container) {
    bool told = look(container);

    for (size_t i = 1; i < container->oom_count && !told; i++) {
        const struct oom_source *oom = &container->ooms[i];
        uint64_t now;

        told = oom->counted && unexplained(container, oom, &now);
        /* Never less than what its own group told while it was there. */
        if (told && (int64_t)(now - oom->before) > (int64_t)container->oom_kills)
            container->oom_kills = now - oom->before;
    }
    container->exit.oom = container->oom_kills > 0;
}

void oom_forget(struct container *container) {
    settled += container->oom_kills;
    for (size_t i = 0; i < container->oom_count; i++) {
        free(container->ooms[i].path);
        free(container->ooms[i].key);
    }
    free(container->ooms);
}
