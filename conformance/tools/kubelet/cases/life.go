package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "k8s.io/api/core/v1"
)

var life = Group{"life", []Case{
	{what: "init containers run one after another, each to its end, before the others", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {}}]
			initContainers:
			- {name: one, sh: "sleep 1; echo one >>/d/x", volumeMounts: [{name: d, mountPath: /d}]}
			- {name: two, sh: "echo two >>/d/x", volumeMounts: [{name: d, mountPath: /d}]}
			containers:
			- {name: c, sh: "cat /d/x; PAUSE", volumeMounts: [{name: d, mountPath: /d}]}`)
		pod := p.Running()
		Equal(t, "the order", p.Logged("c", "two"), "one\ntwo\n")
		for _, name := range []string{"one", "two"} {
			Equal(t, name+"'s reason", status(pod, name).State.Terminated.Reason, "Completed")
		}
	}},
	{what: "an init container that fails is run again until it does not", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {}}]
			initContainers:
			- {name: i, sh: "echo x >>/d/x; [ $(wc -l </d/x) = 3 ]", volumeMounts: [{name: d, mountPath: /d}]}
			containers:
			- {name: c, sh: "PAUSE"}`)
		Equal(t, "restarts of the init container", status(p.Running(), "i").RestartCount, 2)
	}},
	{what: "restartPolicy Never: an init container that fails makes the pod fail, and no other is run", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			initContainers: [{name: i, sh: "exit 5"}]
			containers: [{name: c, sh: "PAUSE"}]`)
		pod := p.Phase(v1.PodFailed)
		Equal(t, "the init container's code", status(pod, "i").State.Terminated.ExitCode, 5)
		Equal(t, "the other's reason", status(pod, "c").State.Waiting.Reason, "PodInitializing")
	}},
	{what: "a sidecar starts before the main container, runs beside it, and ends after it", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			restartPolicy: Never
			volumes: [{name: d, hostPath: {path: %s}}]
			initContainers:
			- {name: side, restartPolicy: Always, sh: "sleep 1; touch /d/up; trap 'echo side ends >>/d/x; exit 0' TERM; sleep 1000 & wait",
			   startupProbe: {exec: {command: [test, -e, /d/up]}, periodSeconds: 1, failureThreshold: 60}, volumeMounts: [{name: d, mountPath: /d}]}
			containers:
			- {name: c, sh: "test -e /d/up && echo main >>/d/x", volumeMounts: [{name: d, mountPath: /d}]}`, dir))
		pod := p.Phase(v1.PodSucceeded)
		Equal(t, "the sidecar's code", status(pod, "side").State.Terminated.ExitCode, 0)
		Equal(t, "the order", readFile(t, dir, "x"), "main\nside ends\n")
	}},
	{what: "a sidecar that ends is started again while the main container goes on", run: func(t *T) {
		p := t.Pod(`
			initContainers: [{name: side, restartPolicy: Always, sh: "sleep 2; exit 1"}]
			containers: [{name: c, sh: "PAUSE"}]`)
		p.Restarted("side", 1)
		Equal(t, "the main container's restarts", status(p.seen, "c").RestartCount, 0)
	}},
	{what: "restartPolicy Always: one that ends is started again, with back-off and a count", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "echo run; exit 0"}]`)
		s := p.Waiting("c", "CrashLoopBackOff")
		Equal(t, "the last end's reason", s.LastTerminationState.Terminated.Reason, "Completed")
		p.Wait("2 restarts", func(pod *v1.Pod) bool { return status(pod, "c").RestartCount >= 2 })
	}},
	{what: "restartPolicy OnFailure: one that fails is started again, one that ends well is not", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: OnFailure
			volumes: [{name: d, emptyDir: {}}]
			containers:
			- {name: fails, sh: "test -e /d/x || { touch /d/x; exit 3; }", volumeMounts: [{name: d, mountPath: /d}]}
			- {name: works, sh: "exit 0"}`)
		pod := p.Phase(v1.PodSucceeded)
		Equal(t, "restarts of the one that failed", status(pod, "fails").RestartCount, 1)
		Equal(t, "its first end", status(pod, "fails").LastTerminationState.Terminated.ExitCode, 3)
		Equal(t, "restarts of the other", status(pod, "works").RestartCount, 0)
	}},
	{what: "activeDeadlineSeconds ends a pod", run: func(t *T) {
		p := t.Pod(`
			activeDeadlineSeconds: 2
			containers: [{name: c, sh: "PAUSE"}]`)
		Equal(t, "the reason", p.Phase(v1.PodFailed).Status.Reason, "DeadlineExceeded")
	}},
	{what: "a pod whose file is taken away gets SIGTERM and is gone, with its cgroups and folders", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers: [{name: c, sh: "trap 'echo TERM >/d/x; exit 0' TERM; sleep 1000 & wait", volumeMounts: [{name: d, mountPath: /d}]}]`, dir))
		p.Running()
		p.Gone()
		Equal(t, "the container wrote", readFile(t, dir, "x"), "TERM\n")
		t.Until("nothing of it is left", func() (bool, string) {
			left := podCgroups(p.uid())
			if _, err := os.Stat(t.path("kubelet/pods", p.uid())); err == nil {
				left = append(left, "its folder")
			}
			return len(left) == 0, strings.Join(left, " ")
		})
	}},
	{what: "a pod whose file changes is made anew", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "echo old; PAUSE"}]`)
		p.Running()
		before := p.uid()
		p.Write(`containers: [{name: c, sh: "echo new; PAUSE"}]`, nil)
		p.Wait("a new pod", func(pod *v1.Pod) bool { return string(pod.UID) != before && pod.Status.Phase == v1.PodRunning })
		Equal(t, "its log", p.Logged("c", "new"), "new\n")
		t.Until("the old one goes", func() (bool, string) { left := podCgroups(before); return len(left) == 0, strings.Join(left, " ") })
	}},
	{what: "an image that is not there: ErrImagePull, then ImagePullBackOff; a wrong name: InvalidImageName; Never: ErrImageNeverPull", run: func(t *T) {
		absent := t.Pod(`containers: [{name: c, image: "gantry.test/absent:1"}]`)
		wrong := t.Pod(`containers: [{name: c, image: "UPPER CASE"}]`)
		never := t.Pod(`containers: [{name: c, image: "gantry.test/never:1", imagePullPolicy: Never}]`)
		t.Contains("the message", absent.Waiting("c", "ErrImagePull").State.Waiting.Message, "gantry.test/absent:1")
		absent.Waiting("c", "ImagePullBackOff")
		wrong.Waiting("c", "InvalidImageName")
		never.Waiting("c", "ErrImageNeverPull")
	}},
	{what: "an image by digest, and one with imagePullPolicy Always", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, image: gantry.test/busybox:1, imagePullPolicy: Always, sh: "PAUSE"}]`)
		id := status(p.Running(), "c").ImageID
		t.Contains("the image's id", id, "sha256:")
		digest := strings.TrimPrefix(id, "gantry.test/busybox")
		if !strings.HasPrefix(digest, "@") {
			digest = "@" + imageDigest(t, "gantry.test/busybox:1")
		}
		t.Pod(fmt.Sprintf(`containers: [{name: c, image: "gantry.test/busybox%s", sh: "PAUSE"}]`, digest)).Running()
	}},
	{what: "command, args, env with references, downward API, workingDir and the image's own settings", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			containers:
			- {name: both, image: "gantry.test/entrypoint:1"}
			- {name: args, image: "gantry.test/entrypoint:1", args: ["$(WHO)", "$$(WHO)"], env: [{name: WHO, value: me}]}
			- name: env
			  image: gantry.test/settings:1
			  sh: "echo $FROM_IMAGE $OVERRIDDEN $NODE $POD $LIMIT $(pwd)"
			  workingDir: /tmp/made
			  resources: {limits: {memory: 64Mi}}
			  env:
			  - {name: OVERRIDDEN, value: spec}
			  - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
			  - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
			  - {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory}}}`)
		p.Phase(v1.PodSucceeded)
		Equal(t, "entrypoint and cmd of the image", p.Log("both"), "entrypoint cmd\n")
		Equal(t, "args instead of cmd", p.Log("args"), "entrypoint me $(WHO)\n")
		Equal(t, "environment", p.Log("env"), "yes spec node1 "+p.fullName()+" 67108864 /tmp/made\n")
	}},
}}

func readFile(t *T, parts ...string) string {
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fail("%v", err)
	}
	return string(text)
}
