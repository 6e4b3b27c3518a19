/* A container from CREATE to DELETE. */
#include "box.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void runs_to_its_end(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "echo", "hello", "keyring", "err", "oops", "exit", "7", NULL));
    CHECK(container_wait(&pod, "c1") == 7);
    struct stat status;
    CHECK(stat(log_path(&pod, "c1"), &status) == 0 && (status.st_mode & 07777) == 0640);
    const char *log = content(log_path(&pod, "c1"));
    CHECK_TEXT(strstr(log, "Z stdout F hello\n") != NULL && strstr(log, "F _ses.c1\n") != NULL && strstr(log, "Z stderr F oops\n") != NULL, log);
    const char *record = content(in_run(&pod, "c1.exit"));
    CHECK_TEXT(strncmp(record, "id c1\ncode 7\nsignal 0\noom 0\nstarted 1", 36) == 0 && strstr(record, "\nfinished 1") != NULL, record);
    CHECK(container_wait(&pod, "c1") == 7); /* again, at once */
    CHECK(container_remove(&pod, "c1"));
    CHECK(container_wait(&pod, "c1") == -1);
    CHECK(pod_stop(&pod));
}

static void create_fields(struct message *m, const struct pod *pod, const char *id, const char *verb, const char *argument) {
    container_records(m, pod, id, false);
    fields(m, "arg", "probe", "arg", verb, "arg", argument, NULL);
}

static void states(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, false));
    create_fields(&m, &pod, "c1", "sleep", "100000");
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    pid_t pid = atoi(frame_value(&answer, "pid"));
    CHECK(process_lives(pid) && atoll(frame_value(&answer, "starttime")) > 0);
    frame_free(&answer);
    answer = request_fields(pod.run, STATE, NULL);
    CHECK(strcmp(frame_field(&answer, 1), "c1") == 0 && strcmp(frame_field(&answer, 2), "created") == 0
            && strcmp(frame_field(&answer, 5), "0") == 0);
    frame_free(&answer);
    answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "17") == 0); /* EEXIST */
    frame_free(&answer);
    CHECK(container_start(&pod, "c1"));
    answer = request_fields(pod.run, START, "c1", NULL);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "22") == 0);
    frame_free(&answer);
    answer = request_fields(pod.run, DELETE, "c1", NULL);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "16") == 0); /* EBUSY */
    frame_free(&answer);
    answer = request_fields(pod.run, STATE, NULL);
    CHECK(strcmp(frame_field(&answer, 2), "running") == 0 && atoi(frame_field(&answer, 3)) == pid && atoll(frame_field(&answer, 5)) > 0);
    frame_free(&answer);
    answer = request_fields(pod.run, KILL, "c1", "15", "one", NULL);
    CHECK(answer.type == OK);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 143);
    answer = request_fields(pod.run, STATE, NULL);
    CHECK(strcmp(frame_field(&answer, 2), "exited") == 0 && strcmp(frame_field(&answer, 6), "exit") == 0
            && strcmp(frame_field(&answer, 8), "c1") == 0 && strcmp(frame_field(&answer, 10), "143") == 0
            && strcmp(frame_field(&answer, 12), "15") == 0);
    frame_free(&answer);
    answer = request_fields(pod.run, KILL, "c1", "9", "all", NULL);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "3") == 0); /* ESRCH */
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static void created_then_deleted(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    create_fields(&m, &pod, "c1", "echo", "never");
    struct frame answer = request(pod.run, CREATE, &m);
    pid_t pid = atoi(frame_value(&answer, "pid"));
    CHECK(answer.type == OK);
    frame_free(&answer);
    CHECK(container_remove(&pod, "c1") && !process_lives(pid));
    answer = request_fields(pod.run, STATE, NULL);
    CHECK(answer.type == OK && answer.length == 0);
    frame_free(&answer);
    /* The name is free again; and a signal ends a created one, whatever it is. */
    answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    answer = request_fields(pod.run, KILL, "c1", "15", "one", NULL);
    CHECK(answer.type == OK);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 137);
    CHECK(strstr(content(in_run(&pod, "c1.exit")), "started 0\n") != NULL);
    CHECK(strcmp(content(log_path(&pod, "c1")), "") == 0);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static void start_fails(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    fields(&m, "arg", "missing", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    answer = request_fields(pod.run, START, "c1", NULL);
    CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "exec") == 0 && strcmp(frame_field(&answer, 1), "missing") == 0
                    && strcmp(frame_field(&answer, 2), "2") == 0
                    && strstr(frame_field(&answer, 3), "executable file not found in $PATH") != NULL,
            frame_field(&answer, 3));
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 128);
    CHECK(container_remove(&pod, "c1"));
    message_free(&m);
    container_records(&m, &pod, "c2", false);
    fields(&m, "arg", "/etc/motd", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    answer = request_fields(pod.run, START, "c2", NULL);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "13") == 0); /* EACCES */
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static void create_fails(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    create_fields(&m, &pod, "c1", "echo", "x");
    fields(&m, "bind", "/no/such/source", "/mnt", "-", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 0), "bind") == 0 && strcmp(frame_field(&answer, 1), "/no/such/source") == 0
            && strcmp(frame_field(&answer, 2), "2") == 0);
    frame_free(&answer);
    message_free(&m);
    answer = request_fields(pod.run, START, "c1", NULL);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "2") == 0);
    frame_free(&answer);
    CHECK(access(in_run(&pod, "c1.exit"), F_OK) < 0);
    create_fields(&m, &pod, "c1", "echo", "x");
    fields(&m, "mount", "nosuchfs", "x", "/mnt", "-", "", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 0), "mount") == 0 && strcmp(frame_field(&answer, 2), "19") == 0);
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

/* The daemon goes away and comes back: nothing of a container is lost. */
static void outlives_its_clients(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "trap", "15", "exit", "3", NULL));
    int attached = client_connect(pod.run), waiting = client_connect(pod.run), events = client_connect(pod.run);
    client_send(attached, ATTACH, "c1\0001\0001\0001", 9);
    client_send(waiting, WAIT, "c1", 3);
    client_send(events, EVENTS, NULL, 0);
    struct frame answer = client_receive(events);
    CHECK(answer.type == OK);
    close(attached);
    close(waiting);
    close(events);
    kill(pod.shim, SIGTERM);
    kill(pod.shim, SIGHUP);
    answer = request_fields(pod.run, STATE, NULL);
    CHECK(answer.type == OK && strcmp(frame_field(&answer, 2), "running") == 0);
    frame_free(&answer);
    events = client_connect(pod.run);
    client_send(events, EVENTS, NULL, 0);
    answer = client_receive(events);
    CHECK(answer.type == OK);
    for (int i = 0; i < 5000 && strstr(content(log_path(&pod, "c1")), "trapping") == NULL; i++)
        usleep(1000);
    answer = request_fields(pod.run, KILL, "c1", "15", "one", NULL);
    CHECK(answer.type == OK);
    answer = client_receive(events);
    CHECK(answer.type == EXIT && strcmp(frame_value(&answer, "id"), "c1") == 0 && strcmp(frame_value(&answer, "code"), "3") == 0);
    frame_free(&answer);
    close(events);
    CHECK_TEXT(strcmp(log_text(&pod, "c1"), "trapping\ngot 15\n") == 0, log_text(&pod, "c1"));
    CHECK(pod_stop(&pod));
}

static void logs(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, false));
    CHECK(container_run(&pod, "c1", "lines", "3", "20000", "text", "no newline", NULL));
    CHECK(container_wait(&pod, "c1") == 0);
    const char *log = content(log_path(&pod, "c1"));
    CHECK(strstr(log, " stdout P ab") != NULL && strstr(log, " stdout P no newline\n") != NULL);
    const char *text = log_text(&pod, "c1");
    CHECK(strlen(text) == 3 * 20001 + 10 && text[20000] == '\n' && text[40001] == '\n');
    CHECK(container_run(&pod, "c2", "echo", "one", "trap", "10", "echo", "two", NULL));
    for (int i = 0; i < 5000 && strstr(content(log_path(&pod, "c2")), "trapping") == NULL; i++)
        usleep(1000);
    const char *rotated = in_run(&pod, "c2.log.1");
    CHECK(rename(log_path(&pod, "c2"), rotated) == 0);
    struct frame answer = request_fields(pod.run, REOPEN_LOG, "c2", NULL);
    CHECK(answer.type == OK && access(log_path(&pod, "c2"), F_OK) == 0);
    frame_free(&answer);
    answer = request_fields(pod.run, KILL, "c2", "10", "one", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c2") == 0);
    CHECK_TEXT(strcmp(log_text(&pod, "c2"), "got 10\ntwo\n") == 0, log_text(&pod, "c2"));
    CHECK(strstr(content(rotated), "two") == NULL);
    /* After the exit too. */
    CHECK(unlink(log_path(&pod, "c2")) == 0);
    answer = request_fields(pod.run, REOPEN_LOG, "c2", NULL);
    CHECK(answer.type == OK && access(log_path(&pod, "c2"), F_OK) == 0);
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

/* Without a pid namespace nothing but the kill group ends what init leaves behind. */
static void kill_group_emptied(void) {
    struct pod pod;
    struct message m = {0};
    char group[256], procs[300];

    snprintf(group, sizeof group, "%s", cgroup_make("pids", "kill"));
    if (group[0] == '\0')
        snprintf(group, sizeof group, "%s", cgroup_make("", "kill"));
    CHECK(group[0] != '\0');
    bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    CHECK(pod_start(&pod, true, false));
    container_records(&m, &pod, "c1", false);
    fields(&m, "cgroup", v2 ? "v2" : "v1", group, "killgroup", group, "arg", "probe", "arg", "spawn-holding", "arg", "5", "arg", "exit", "arg", "2", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    CHECK(container_start(&pod, "c1") && container_wait(&pod, "c1") == 2);
    snprintf(procs, sizeof procs, "%s/cgroup.procs", group);
    CHECK_TEXT(strcmp(content(procs), "") == 0, content(procs));
    CHECK(rmdir(group) == 0);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

/* A process outside the groups that holds stdout delays the exit by the drain's 2 s, no more. */
static void drain_ends(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, true)); /* the orphan lives on under the pod's init */
    CHECK(container_run(&pod, "c1", "spawn-holding", "1", "echo", "done", "exit", "4", NULL));
    CHECK(container_wait(&pod, "c1") == 4);
    CHECK(strcmp(log_text(&pod, "c1"), "done\n") == 0);
    CHECK(pod_stop(&pod));
}

static void oom_told(void) {
    struct pod pod;
    struct message m = {0};
    char group[256], limit[300], control[300];
    bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;

    snprintf(group, sizeof group, "%s", cgroup_make(v2 ? "" : "memory", "oom"));
    CHECK(group[0] != '\0');
    snprintf(limit, sizeof limit, "%s/%s", group, v2 ? "memory.max" : "memory.limit_in_bytes");
    snprintf(control, sizeof control, "%s/%s", group, v2 ? "memory.events" : "memory.oom_control");
    write_file(limit, "16777216");
    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    fields(&m, "cgroup", v2 ? "v2" : "v1", group, "killgroup", group, "oom", "/no/such/file", "oom_kill", "oom", control, "oom_kill",
            "oomscore", "1000", "arg", "probe", "arg", "memhog", "arg", "64", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    CHECK(container_start(&pod, "c1"));
    answer = request_fields(pod.run, WAIT, "c1", NULL);
    CHECK(strcmp(frame_value(&answer, "oom"), "1") == 0 && strcmp(frame_value(&answer, "code"), "137") == 0);
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
    cgroup_remove(group);
    CHECK(access(group, F_OK) < 0);
}

static void create_counted(const struct pod *pod, const char *id, const char *own, const char *shared) {
    struct message m = {0};

    container_records(&m, pod, id, false);
    fields(&m, "oom", own, "oom_kill", "oom", shared, "oom_kill", "arg", "probe", "arg", "sleep", "arg", "1000000", NULL);
    struct frame answer = request(pod->run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(pod, id));
}

static bool ends_by_oom(const struct pod *pod, const char *id) {
    struct frame answer = request_fields(pod->run, KILL, id, "9", "one", NULL);
    frame_free(&answer);
    answer = request_fields(pod->run, WAIT, id, NULL);
    bool oom = strcmp(frame_value(&answer, "oom"), "1") == 0;
    frame_free(&answer);
    return oom;
}

/* Groups that are gone at the exit, as a service manager does it: the pod's count tells, and no container is blamed for another's. Plain files stand for the groups'. */
static void oom_told_without_group(void) {
    struct pod pod;
    char shared[300], a[300], b[300], c[300];

    CHECK(pod_start(&pod, true, true));
    snprintf(shared, sizeof shared, "%s", in_run(&pod, "shared.events"));
    snprintf(a, sizeof a, "%s", in_run(&pod, "a.events"));
    snprintf(b, sizeof b, "%s", in_run(&pod, "b.events"));
    snprintf(c, sizeof c, "%s", in_run(&pod, "c.events"));
    write_file(shared, "oom 9\noom_kill 7\n");
    write_file(a, "oom_kill 0\n");
    write_file(b, "oom_kill 0\n");
    write_file(c, "oom_kill 0\n");
    create_counted(&pod, "a", a, shared);
    create_counted(&pod, "b", b, shared);
    /* b has a kill that its own group tells, a has none. */
    write_file(shared, "oom 9\noom_kill 8\n");
    write_file(b, "oom_kill 1\n");
    create_counted(&pod, "c", c, shared);
    CHECK(unlink(a) == 0 && !ends_by_oom(&pod, "a"));
    /* c is killed and its group goes at once. */
    write_file(shared, "oom 9\noom_kill 9\n");
    CHECK(unlink(c) == 0 && ends_by_oom(&pod, "c"));
    CHECK(container_remove(&pod, "c"));
    /* What c had is remembered, what b had too, though its group goes now. */
    write_file(c, "oom_kill 0\n");
    create_counted(&pod, "d", c, shared);
    CHECK(unlink(c) == 0 && !ends_by_oom(&pod, "d"));
    CHECK(unlink(b) == 0 && ends_by_oom(&pod, "b"));
    CHECK(pod_stop(&pod));
}

/* Whoever forks faster than one can kill must still come to an end. */
static void fork_bomb_ends(void) {
    struct pod pod;
    struct message m = {0};
    char group[256], limit[300], procs[300];
    bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;

    snprintf(group, sizeof group, "%s", cgroup_make(v2 ? "" : "pids", "bomb"));
    CHECK(group[0] != '\0');
    snprintf(limit, sizeof limit, "%s/pids.max", group);
    write_file(limit, "60");
    CHECK(pod_start(&pod, true, false));
    container_records(&m, &pod, "c1", false);
    fields(&m, "cgroup", v2 ? "v2" : "v1", group, "killgroup", group, "arg", "probe", "arg", "forkbomb", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c1"));
    for (int i = 0; i < 5000 && strstr(content(log_path(&pod, "c1")), "bombing") == NULL; i++)
        usleep(1000);
    usleep(20000);
    answer = request_fields(pod.run, KILL, "c1", "9", "all", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 137);
    snprintf(procs, sizeof procs, "%s/cgroup.procs", group);
    CHECK(strcmp(content(procs), "") == 0 && rmdir(group) == 0);
    CHECK(pod_stop(&pod));
}

static void many_at_once(void) {
    struct pod pod;
    char id[16];

    CHECK(pod_start(&pod, true, true));
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "c%d", i);
        CHECK(container_run(&pod, id, "lines", "200", "100", "sleep", i % 2 == 0 ? "20" : "1", "exit", id + 1, NULL));
    }
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "c%d", i);
        CHECK(container_wait(&pod, id) == i);
        CHECK(strlen(log_text(&pod, id)) == 200 * 101);
        CHECK(container_remove(&pod, id));
    }
    struct frame answer = request_fields(pod.run, STATE, NULL);
    CHECK(answer.type == OK && answer.length == 0);
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

const struct test box_life[] = {{"a container runs to its end", runs_to_its_end}, {"states", states},
        {"created, then deleted", created_then_deleted}, {"a start that fails", start_fails}, {"a create that fails", create_fails},
        {"outlives its clients", outlives_its_clients}, {"logs", logs}, {"the kill group is emptied", kill_group_emptied},
        {"the drain ends", drain_ends}, {"an OOM kill is told", oom_told},
        {"an OOM kill is told without the group", oom_told_without_group}, {"a fork bomb ends", fork_bomb_ends}, {"many containers at once", many_at_once}};
const size_t box_life_count = sizeof box_life / sizeof box_life[0];
