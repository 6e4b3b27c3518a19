/*
 * Image volumes. The image's layers are mounted on the (host) folder of the root before the root is: in the container's own mount namespace, from which the
 * host's file systems go in the end, this mount with them. Only a clone of what is asked for stays.
 */
#include "inroot.h"
#include "kernel.h"
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int clone_of(int tree, const char *sub_path, const char *target, struct error *error) {
    const char *inner = sub_path[0] == '\0' ? "/" : sub_path;
    /* As the image sees it: links that lead out of it end at its root. */
    int path = inroot_open(tree, inner, O_PATH);

    if (path < 0)
        return fail(error, "image", target, errno, "cannot open %s in the image", inner);
    int mount = open_tree(path, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    int number = errno;
    close(path);
    return mount < 0 ? fail(error, "image", target, number, "cannot clone %s of the image", inner) : mount;
}

/* The `layer` records just before `record`. */
static size_t layers_of(const struct spec *spec, const struct record *record, const char **layers) {
    const struct record *first = record;
    size_t count = 0;

    while (first > spec->records && first[-1].type == R_LAYER)
        first--;
    for (; first < record; first++)
        layers[count++] = first->arg[0];
    return count;
}

int image_open(const struct spec *spec, const struct record *record, int user_namespace, struct error *error) {
    const struct record *whole = spec_next(spec, R_OVERLAY, NULL);
    const char *target = record->arg[0], *sub_path = record->arg[1];
    struct error cause = {0};

    if (whole == NULL)
        return fail(error, "image", target, EINVAL, "there is no root file system");
    const char **layers = calloc(spec->count, sizeof *layers);
    if (layers == NULL)
        return fail(error, "image", target, ENOMEM, "no memory");
    const struct overlay overlay = {.lowers = layers,
            .count = layers_of(spec, record, layers),
            .upper = "-",
            .work = "-",
            .flags = "ro",
            .root = whole->arg[3],
            .user_namespace = user_namespace};
    /* The kernel makes no overlay of a single layer without an upper one. */
    bool single = overlay.count == 1;
    int tree = single ? open(layers[0], O_PATH | O_DIRECTORY | O_CLOEXEC) : overlay_mount(&overlay, &cause);
    if (tree < 0 && single)
        fail(&cause, "image", layers[0], errno, "cannot open the folder");
    free(layers);
    if (tree < 0) {
        fail(error, "image", target, 0, "cannot mount its layers: %s %s", cause.path, cause.message);
        error->number = cause.number;
        return -1;
    }
    int mount = clone_of(tree, sub_path, target, error);
    close(tree);
    if (mount >= 0 && single && user_namespace >= 0 && mount_idmap(mount, user_namespace, "image", target, error) < 0) {
        close(mount);
        return -1;
    }
    return mount;
}
