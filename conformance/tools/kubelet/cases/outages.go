package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
)

// One after another: each stops what all pods live on.
var outages = Group{"outages", []Case{
	{what: "the kubelet restarts: no container does, no log line is lost", run: func(t *T) {
		t.outage(func() {
			must(t.StopKubelet())
			time.Sleep(2 * time.Second)
			must(t.StartKubelet(t.settings))
		})
	}},
	{what: "the kubelet is killed: no container restarts, no log line is lost", run: func(t *T) {
		t.outage(func() {
			must(t.endKubelet(syscall.SIGKILL))
			must(t.StartKubelet(t.settings))
		})
	}},
	{what: "gantry restarts: no container does, no log line and no exit code is lost", run: func(t *T) {
		t.outage(func() {
			t.EndGantry(syscall.SIGTERM)
			time.Sleep(2 * time.Second)
			t.StartGantry()
		})
	}},
	{what: "gantry is killed with -9 while pods log, restart and are probed: nothing restarts that need not, nothing is lost", run: func(t *T) {
		t.outage(func() {
			for range 3 {
				t.EndGantry(syscall.SIGKILL)
				t.StartGantry()
				time.Sleep(2 * time.Second)
			}
		})
	}},
	{what: "both restart at once", run: func(t *T) {
		t.outage(func() {
			t.EndGantry(syscall.SIGKILL)
			must(t.endKubelet(syscall.SIGKILL))
			time.Sleep(time.Second)
			t.StartGantry()
			must(t.StartKubelet(t.settings))
		})
	}},
	{what: "gantry is away while a log grows over its size: the log is rotated when gantry is back, and no line is lost or doubled", run: func(t *T) {
		const lines = 12000
		p := t.Pod(fmt.Sprintf(`
			containers: [{name: c, sh: "until test -e /tmp/go; do sleep 0.1; done; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo number $i xxxxxxxxxxxxxxxx; [ $((i %% 450)) != 0 ] || sleep 0.5; done; echo the end; PAUSE"}]`, lines))
		p.Running()
		p.Sh("c", "touch /tmp/go")
		t.EndGantry(syscall.SIGTERM)
		// Three times the interval in which the kubelet looks at logs.
		time.Sleep(10 * time.Second)
		t.StartGantry()
		p.Logged("c", "the end")
		t.Until("it is rotated", func() (bool, string) {
			files, _ := p.logFiles("c")
			return len(files) > 1, strings.Join(files, " ")
		})
		t.Equals("the files", func() string { _, text := p.logFiles("c"); return missing(text, lines) }, "")
	}},
	{what: "a pod whose file goes while gantry is away is gone when it is back", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		t.EndGantry(syscall.SIGTERM)
		p.Delete()
		added := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		time.Sleep(3 * time.Second)
		t.StartGantry()
		p.Gone()
		added.Running()
		t.Until("its cgroups go", func() (bool, string) { left := podCgroups(p.uid()); return len(left) == 0, strings.Join(left, " ") })
	}},
	{what: "/run is emptied and all processes end, as by a reboot: the kubelet makes every pod anew, and nothing old is left", run: func(t *T) {
		var pods []*Pod
		for range 3 {
			pods = append(pods, t.Pod(`containers: [{name: c, sh: "PAUSE"}]`))
		}
		before := map[*Pod]string{}
		for _, p := range pods {
			p.Running()
			before[p] = p.id("c")
		}
		must(t.StopKubelet())
		t.EndGantry(syscall.SIGTERM)
		t.reboot()
		t.StartGantry()
		must(t.StartKubelet(t.settings))
		for _, p := range pods {
			p.Wait("a new container", func(pod *v1.Pod) bool {
				s := status(pod, "c")
				return s.State.Running != nil && !strings.HasSuffix(s.ContainerID, before[p])
			})
			p.Sh("c", "true")
		}
		for _, p := range pods {
			p.Delete()
		}
		for _, p := range pods {
			p.Gone()
		}
	}},
}}

// outage runs pods of all kinds, lets the outage happen, and looks at what became of them.
func (t *T) outage(happen func()) {
	dir := t.Folder()
	logs := t.Pod(`containers: [{name: c, sh: "i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); echo number $i .; sleep 0.02; done"}]`)
	probed := t.Pod(`containers: [{name: c, sh: "PAUSE", livenessProbe: {exec: {command: ["true"]}, periodSeconds: 1, failureThreshold: 3}, readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}}]`)
	ends := t.Pod(fmt.Sprintf(`
		restartPolicy: Never
		volumes: [{name: d, hostPath: {path: %s}}]
		containers: [{name: c, sh: "while ! test -e /d/go; do sleep 0.1; done; echo last words; exit 17", volumeMounts: [{name: d, mountPath: /d}]}]`, dir))
	again := t.Pod(fmt.Sprintf(`
		volumes: [{name: d, hostPath: {path: %s}}]
		containers: [{name: c, sh: "echo x >>/d/runs; sleep 1; exit 3", volumeMounts: [{name: d, mountPath: /d}]}]`, dir))
	for _, p := range []*Pod{logs, probed, ends} {
		p.Running()
	}
	probed.Ready()
	again.Wait("a first run", func(pod *v1.Pod) bool {
		return status(pod, "c").LastTerminationState.Terminated != nil || status(pod, "c").State.Terminated != nil
	})
	ids := map[*Pod]string{logs: logs.id("c"), probed: probed.id("c")}
	// It ends while nobody looks.
	go func() {
		time.Sleep(500 * time.Millisecond)
		_ = os.WriteFile(filepath.Join(dir, "go"), nil, 0o644)
	}()
	happen()
	Equal(t, "the exit code of one that ended meanwhile", ends.Ended("c").ExitCode, 17)
	Equal(t, "its log", ends.Log("c"), "last words\n")
	runs := strings.Count(readFile(t, dir, "runs"), "x")
	t.Until("restarts go on", func() (bool, string) {
		now := strings.Count(readFile(t, dir, "runs"), "x")
		return now > runs, fmt.Sprint(now)
	})
	Equal(t, "the exit code of the one that restarts", again.Ended("c").ExitCode, 3)
	probed.Ready()
	for p, id := range ids {
		p.Wait("seen after the outage", func(pod *v1.Pod) bool { return status(pod, "c").State.Running != nil })
		Equal(t, p.name+"'s restarts", status(p.seen, "c").RestartCount, 0)
		Equal(t, p.name+"'s container", p.id("c"), id)
	}
	probed.Sh("c", "true")
	// The log is whole from its first line to what is its last now.
	_, text := logs.logFiles("c")
	next := 1
	for line := range strings.Lines(text) {
		var number int
		if _, err := fmt.Sscanf(line, "number %d .", &number); err == nil {
			if number != next {
				t.Fail("in the log %d follows %d", number, next-1)
			}
			next++
		}
	}
	if next < 50 {
		t.Fail("the log ends with %d", next-1)
	}
}

// reboot ends all processes of pods and takes away what would not outlive it.
func (t *T) reboot() {
	run := t.path("run")
	entries, err := os.ReadDir("/proc")
	must(err)
	for _, entry := range entries {
		command, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if strings.Contains(string(command), run+"/") {
			var pid int
			if _, err := fmt.Sscan(entry.Name(), &pid); err == nil && pid != os.Getpid() {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	for uid := range t.uids {
		for _, dir := range podCgroups(uid) {
			_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					killAll(filepath.Join(path, "cgroup.procs"))
				}
				return nil
			})
		}
	}
	time.Sleep(500 * time.Millisecond)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(err)
	var below []string
	for line := range strings.Lines(string(mounts)) {
		if point := strings.Fields(line)[4]; strings.HasPrefix(point, run+"/") || strings.HasPrefix(point, t.path("kubelet/pods")+"/") {
			below = append(below, point)
		}
	}
	for i := len(below) - 1; i >= 0; i-- {
		must(syscall.Unmount(below[i], syscall.MNT_DETACH))
	}
	must(os.RemoveAll(run))
	// What CNI plugins made of the pods' network in the host's tables is gone too.
	network := regexp.MustCompile(`"name": "([^"]+)"`).FindStringSubmatch(readFile(t, t.path("cni.d/10-kubelet.conflist")))[1]
	for _, program := range []string{"iptables", "ip6tables"} {
		t.Host("sh", "-c", fmt.Sprintf(`
			%[1]s-save -t nat | grep -F 'name: \"%[2]s\"' | sed -n 's/^-A POSTROUTING .* -j \(CNI-[0-9a-f]*\)$/\1/p' | while read -r chain; do
				%[1]s-save -t nat | grep -- "-j $chain\$" | sed 's/^-A/%[1]s -w -t nat -D/' | sh
				%[1]s -w -t nat -F $chain
				%[1]s -w -t nat -X $chain
			done`, program, network))
	}
	// The tree of cgroups begins anew too.
	for uid := range t.uids {
		for _, dir := range podCgroups(uid) {
			t.Host("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+")
		}
	}
}

func killAll(procs string) {
	text, _ := os.ReadFile(procs)
	for _, field := range strings.Fields(string(text)) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
