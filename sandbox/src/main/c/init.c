#include "init.h"

#include "attributes.h"
#include "cgroup.h"
#include "rootfs.h"
#include "spawn.h"
#include "terminal.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

/* Everything that can fail for want of a file, a mount or a permission is done here, so that CREATE tells of it. */
static int prepare(const struct spec *spec, const struct ns_plan *plan, const struct streams_child *streams,
        struct attributes *attributes, struct error *error) {
    const int pipes[3] = {streams->in, streams->out, streams->err};
    struct rootfs rootfs;

    if (setsid() < 0)
        return fail(error, "init", NULL, errno, "setsid");
    /* The new cgroup namespace has its root at the groups joined here, so they come first. */
    if (cgroup_join(spec, error) < 0 || attributes_early(attributes, spec, error) < 0
            || ns_plan_enter(plan, error) < 0 || rootfs_open(&rootfs, spec, plan, error) < 0)
        return -1;
    attributes_streams_give(attributes, pipes);
    bool another = rootfs.contained && (plan->make & CLONE_NEWPID) != 0;
    if (ns_plan_make(plan, error) < 0 || (another && attributes_label_again(attributes, error) < 0)
            || rootfs_build(&rootfs, error) < 0)
        return -1;
    if (rootfs.terminal_slave >= 0 && terminal_adopt(spec, rootfs.terminal_slave, error) < 0)
        return -1;
    if (attributes_streams(attributes, pipes, rootfs.terminal_slave, error) < 0 || rootfs_enter(&rootfs, error) < 0)
        return -1;
    channel_ready(rootfs.terminal_master);
    return 0;
}

/* After the answer to CREATE: START seldom comes so soon that it would have to wait for this. */
static bool settle(struct attributes *attributes, struct error *error) {
    const struct capabilities none = {0};
    struct error ignored;

    if (rootfs_detach_host(error) == 0 && attributes_settle(attributes, error) == 0)
        return true;
    close_range(CHANNEL_FD + 1, ~0U, 0);
    capabilities_set(&none, 0, &ignored);
    return false;
}

_Noreturn void init_run(const struct spec *spec, const struct ns_plan *plan, const struct streams_child *streams) {
    struct attributes attributes;
    struct error error = {0};

    if (prepare(spec, plan, streams, &attributes, &error) == 0) {
        /*
         * In a shared pid namespace another container with CAP_SYS_PTRACE may trace this process, dumpable or not, for as long as it waits: so it waits
         * with nothing of the host, and with what its container may do.
         */
        bool settled = settle(&attributes, &error);

        if (!channel_await())
            _exit(125);
        if (settled)
            attributes_execute(&attributes, &error);
    }
    channel_error(&error);
    _exit(127);
}
