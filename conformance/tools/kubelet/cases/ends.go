package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// How containers end: exit codes, hooks, signals, last words.
var ends = Group{"ends", []Case{
	{what: "exit codes and reasons: 0 Completed, 7 Error, a signal 128 and more, a program that is not there", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			containers:
			- {name: good, sh: "exit 0"}
			- {name: bad, sh: "exit 7"}
			- {name: killed, sh: "sh -c 'kill -9 $$$$'; exit $?"}
			- {name: absent, command: [/no/such/program]}`)
		pod := p.Phase(v1.PodFailed)
		for name, want := range map[string]string{"good": "0 Completed", "bad": "7 Error", "killed": "137 Error"} {
			end := status(pod, name).State.Terminated
			Equal(t, name, fmt.Sprintf("%d %s", end.ExitCode, end.Reason), want)
		}
		absent := status(pod, "absent").State.Terminated
		t.Contains("the message of the absent one", absent.Message, "/no/such/program")
		if absent.ExitCode != 127 && absent.ExitCode != 128 {
			t.Fail("the absent one's code: %d", absent.ExitCode)
		}
	}},
	{what: "OOMKilled with 137, of a container's own limit", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			containers: [{name: c, sh: "tail /dev/zero", resources: {limits: {memory: 20Mi}}}]`)
		end := p.Ended("c")
		Equal(t, "reason and code", fmt.Sprintf("%s %d", end.Reason, end.ExitCode), "OOMKilled 137")
	}},
	{what: "terminationGracePeriodSeconds: one that ignores SIGTERM is killed after it, and not before", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			terminationGracePeriodSeconds: 3
			volumes: [{name: d, hostPath: {path: %s}}]
			containers:
			- {name: c, volumeMounts: [{name: d, mountPath: /d}], sh: "trap 'echo TERM >>/d/x' TERM; while :; do sleep 0.2; echo tick >>/d/x; done"}`, dir))
		p.Running()
		p.Gone()
		_, after, found := strings.Cut(readFile(t, dir, "x"), "TERM\n")
		if ticks := strings.Count(after, "tick"); !found || ticks < 3 {
			t.Fail("it went on for %d ticks after SIGTERM (%v)", ticks, found)
		}
	}},
	{what: "preStop by exec runs before SIGTERM", run: func(t *T) { preStop(t, `{exec: {command: [sh, -c, "sleep 1; echo hook >>/d/x"]}}`, "hook\nTERM\n") }},
	{what: "preStop by sleep holds SIGTERM back", run: func(t *T) {
		dir, p := preStopPod(t, `{sleep: {seconds: 2}}`)
		begin := time.Now()
		p.Gone()
		if took := time.Since(begin); took < 2*time.Second {
			t.Fail("it was gone after %v", took)
		}
		Equal(t, "what it wrote", readFile(t, dir, "x"), "TERM\n")
	}},
	{what: "preStop and postStart by HTTP ask the container", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			terminationGracePeriodSeconds: 10
			volumes: [{name: tool, hostPath: {path: %s}}, {name: d, hostPath: {path: %s}}]
			containers:
			- {name: c, sh: "exec /tool serve http 8080 >/d/x", volumeMounts: [{name: tool, mountPath: /tool}, {name: d, mountPath: /d}],
			   lifecycle: {preStop: {httpGet: {path: /bye, port: 8080}}}}`, t.tool(), dir))
		p.Running()
		t.Until("it serves", func() (bool, string) {
			out, code := p.Exec("c", "wget", "-qO-", "http://127.0.0.1:8080/up")
			return code == 0, out
		})
		p.Gone()
		Equal(t, "what it was asked", strings.ReplaceAll(readFile(t, dir, "x"), " \n", "\n"), "GET /up\nGET /bye\ngot TERM\n")
	}},
	{what: "postStart by exec and by sleep run in the container and hold the next container back", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {}}]
			containers:
			- {name: exec, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d}], lifecycle: {postStart: {exec: {command: [sh, -c, "sleep 1; echo hook >>/d/x"]}}}}
			- {name: sleep, sh: "echo second >>/d/x; PAUSE", volumeMounts: [{name: d, mountPath: /d}], lifecycle: {postStart: {sleep: {seconds: 1}}}}
			- {name: last, sh: "echo third >>/d/x; PAUSE", volumeMounts: [{name: d, mountPath: /d}]}`)
		p.Running()
		t.Equals("the order", func() string { return p.Sh("last", "cat /d/x") }, "hook\nsecond\nthird")
	}},
	{what: "postStart that fails kills the container: PostStartHookError", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE", lifecycle: {postStart: {exec: {command: [sh, -c, "echo broken; exit 4"]}}}}]`)
		t.Contains("the message", p.Waiting("c", "PostStartHookError").State.Waiting.Message, "4")
	}},
	{what: "termination messages: from the file, from a file elsewhere, from the log when it failed", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			containers:
			- {name: usual, sh: "echo -n last words >/dev/termination-log; exit 1"}
			- {name: own, sh: "echo -n elsewhere >/tmp/words; exit 0", terminationMessagePath: /tmp/words}
			- {name: log, sh: "echo said in the log; exit 1", terminationMessagePolicy: FallbackToLogsOnError}
			- {name: fine, sh: "echo said in the log; exit 0", terminationMessagePolicy: FallbackToLogsOnError}`)
		pod := p.Phase(v1.PodFailed)
		for name, want := range map[string]string{"usual": "last words", "own": "elsewhere", "log": "said in the log\n", "fine": ""} {
			Equal(t, name, status(pod, name).State.Terminated.Message, want)
		}
	}},
	{what: "stop signals: the image's, and lifecycle.stopSignal, which the status tells", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			os: {name: linux}
			volumes: [{name: d, hostPath: {path: %s}}]
			containers:
			- {name: image, image: "gantry.test/settings:1", sh: "trap 'echo USR1 >/d/image; exit 0' USR1; touch /d/ready; while :; do sleep 0.1; done", volumeMounts: [{name: d, mountPath: /d}]}
			- {name: spec, sh: "trap 'echo USR2 >/d/spec; exit 0' USR2; while :; do sleep 0.1; done", lifecycle: {stopSignal: SIGUSR2}, volumeMounts: [{name: d, mountPath: /d}]}`, dir))
		pod := p.Wait("running with its signal told", func(pod *v1.Pod) bool {
			return status(pod, "spec").State.Running != nil && status(pod, "spec").StopSignal != nil
		})
		Equal(t, "the signal in the status", *status(pod, "spec").StopSignal, v1.SIGUSR2)
		p.Running()
		t.Until("traps are set", func() (bool, string) { out, code := p.Exec("image", "test", "-e", "/d/ready"); return code == 0, out })
		p.Gone()
		Equal(t, "the image's", readFile(t, dir, "image"), "USR1\n")
		Equal(t, "the spec's", readFile(t, dir, "spec"), "USR2\n")
	}},
	{what: "a container's processes that outlive its first one are gone when it ends", run: func(t *T) {
		p := t.Pod(`
			shareProcessNamespace: true
			restartPolicy: Never
			containers:
			- {name: c, sh: "sleep 424242 & exit 0"}
			- {name: other, sh: "PAUSE"}`)
		p.Ended("c")
		t.Until("the sleeper goes", func() (bool, string) {
			out := p.Sh("other", "pgrep -f '[s]leep 424242' || true")
			return out == "", out
		})
	}},
}}

func preStopPod(t *T, hook string) (string, *Pod) {
	dir := t.Folder()
	p := t.Pod(fmt.Sprintf(`
		terminationGracePeriodSeconds: 20
		volumes: [{name: d, hostPath: {path: %s}}]
		containers:
		- {name: c, sh: "trap 'echo TERM >>/d/x; exit 0' TERM; touch /d/ready; sleep 1000 & wait", volumeMounts: [{name: d, mountPath: /d}], lifecycle: {preStop: %s}}`, dir, hook))
	p.Running()
	t.Until("the trap is set", func() (bool, string) { out, code := p.Exec("c", "test", "-e", "/d/ready"); return code == 0, out })
	return dir, p
}

func preStop(t *T, hook, want string) {
	dir, p := preStopPod(t, hook)
	p.Gone()
	Equal(t, "the order", readFile(t, dir, "x"), want)
}

func (n *Node) tool() string { return n.path("tool") }

// imageDigest is the digest that a name stands for.
func imageDigest(t *T, name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := t.images().ImageStatus(ctx, &runtime.ImageStatusRequest{Image: &runtime.ImageSpec{Image: name}})
	must(err)
	_, digest, _ := strings.Cut(answer.Image.RepoDigests[0], "@")
	return digest
}
