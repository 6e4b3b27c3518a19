package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	v1 "k8s.io/api/core/v1"
)

var resources = Group{"resources", []Case{
	{what: "limits and requests are in the container's cgroup files", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {requests: {cpu: 200m, memory: 32Mi}, limits: {cpu: 500m, memory: 64Mi}}}]`)
		p.Running()
		Equal(t, "memory, CPU quota, CPU shares", p.cgroupValues("c"), cgroupValues(64<<20, 50000, 204))
		s := status(p.seen, "c").Resources
		if s == nil || s.Limits.Memory().Value() != 64<<20 || s.Limits.Cpu().MilliValue() != 500 {
			t.Fail("the status tells %v", s)
		}
	}},
	{what: "the QoS classes have their places in the tree: pods and containers", run: func(t *T) {
		pods := map[string]*Pod{
			"guaranteed": t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {limits: {cpu: 100m, memory: 32Mi}}}]`),
			"burstable":  t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {requests: {cpu: 100m}}}]`),
			"besteffort": t.Pod(`containers: [{name: c, sh: "PAUSE"}]`),
		}
		for class, p := range pods {
			p.Running()
			path := p.cgroup("c", "memory")
			want := "/kubepods/" + class + "/pod" + p.uid() + "/"
			if t.driver == "systemd" {
				want = "/kubepods.slice/kubepods-" + class + ".slice/kubepods-" + class + "-pod" + strings.ReplaceAll(p.uid(), "-", "_") + ".slice/"
			}
			if class == "guaranteed" {
				want = strings.ReplaceAll(strings.ReplaceAll(want, "/guaranteed", ""), "-guaranteed", "")
				want = strings.Replace(want, "/kubepods.slice/kubepods.slice/", "/kubepods.slice/", 1)
			}
			t.Contains(class, path, want)
			t.Contains(class+", the container's own group", path, p.id("c"))
		}
	}},
	{what: "oom_score_adj by QoS class", unless: func(*Node) string {
		if text, _ := os.ReadFile("/proc/self/status"); !hasCapability(string(text), 24) {
			return "lowering oom_score_adj needs CAP_SYS_RESOURCE, which root does not have here"
		}
		return ""
	}, run: func(t *T) {
		guaranteed := t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {limits: {cpu: 100m, memory: 32Mi}}}]`)
		best := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		guaranteed.Running()
		best.Running()
		Equal(t, "Guaranteed", guaranteed.Sh("c", "cat /proc/1/oom_score_adj"), "-997")
		Equal(t, "BestEffort", best.Sh("c", "cat /proc/1/oom_score_adj"), "1000")
	}},
	{what: "pod-level resources limit the pod's cgroup, and a container above them is OOMKilled", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			resources: {limits: {memory: 48Mi, cpu: 200m}}
			containers:
			- {name: c, sh: "PAUSE"}
			- {name: eats, sh: "sleep 3; tail /dev/zero"}`)
		dir := filepath.Dir(p.cgroup("c", "memory"))
		Equal(t, "the pod's limit", readFile(t, dir, memoryLimitFile()), "50331648\n")
		end := p.Ended("eats")
		Equal(t, "reason", end.Reason, "OOMKilled")
	}},
	{what: "memory and CPU are resized up and down while the container runs", run: func(t *T) {
		uid := fmt.Sprintf("22222222-aaaa-4444-8888-%012d", tags.Add(1))
		write := func(cpu, memory string) string {
			return fmt.Sprintf(`containers: [{name: c, sh: "PAUSE", resources: {requests: {cpu: %[1]s, memory: %[2]s}, limits: {cpu: %[1]s, memory: %[2]s}}}]`, cpu, memory)
		}
		p := t.PodWith(write("100m", "32Mi"), map[string]any{"uid": uid})
		p.Running()
		id := p.id("c")
		for _, step := range []struct {
			cpu, memory string
			want        string
		}{{"200m", "64Mi", cgroupValues(64<<20, 20000, 204)}, {"50m", "40Mi", cgroupValues(40<<20, 5000, 51)}} {
			p.Write(write(step.cpu, step.memory), map[string]any{"uid": uid})
			t.Equals("values of "+step.cpu+" and "+step.memory, func() string { return p.cgroupValues("c") }, step.want)
			p.Wait("the status tells it", func(pod *v1.Pod) bool {
				r := status(pod, "c").Resources
				return r != nil && r.Limits.Memory().String() == step.memory && r.Limits.Cpu().String() == step.cpu
			})
			dir := filepath.Dir(p.cgroup("c", "memory"))
			Equal(t, "the pod's limit", strings.TrimSpace(readFile(t, dir, memoryLimitFile())), strings.Fields(step.want)[0])
		}
		Equal(t, "it is the same container", p.id("c"), id)
		Equal(t, "restarts", status(p.seen, "c").RestartCount, 0)
	}},
	{what: "a resize whose policy is RestartContainer restarts the container", run: func(t *T) {
		uid := fmt.Sprintf("33333333-aaaa-4444-8888-%012d", tags.Add(1))
		spec := `containers: [{name: c, sh: "PAUSE", resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}], resources: {limits: {cpu: 100m, memory: %s}}}]`
		p := t.PodWith(fmt.Sprintf(spec, "32Mi"), map[string]any{"uid": uid})
		p.Running()
		p.Write(fmt.Sprintf(spec, "48Mi"), map[string]any{"uid": uid})
		p.Restarted("c", 1)
		Equal(t, "values", strings.Fields(p.cgroupValues("c"))[0], strconv.Itoa(48<<20))
	}},
	{what: "podPidsLimit bounds the pod's processes", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "i=0; while [ $i -lt 700 ]; do sleep 1000 & i=$((i+1)); done; PAUSE"}]`)
		p.Running()
		for _, dir := range podCgroups(p.uid()) {
			if limit, err := os.ReadFile(filepath.Join(dir, "pids.max")); err == nil {
				Equal(t, "pids.max of the pod", string(limit), "600\n")
			}
		}
		t.Contains("the shell's complaint", p.Logged("c", "fork"), "can't fork")
	}},
	{what: "memory.oom.group on cgroup v2: one process too many ends the container, not only the process", unless: func(*Node) string {
		if !v2() {
			return "cgroup v1 has no memory.oom.group"
		}
		return ""
	}, run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			containers: [{name: c, sh: "tail /dev/zero; echo survived; PAUSE", resources: {limits: {memory: 20Mi}}}]`)
		Equal(t, "reason", p.Ended("c").Reason, "OOMKilled")
		t.ContainsNot("the log", p.Log("c"), "survived")
	}},
}}

// cgroup is the folder of a container in one hierarchy of cgroup v1, or in the one of v2.
func (p *Pod) cgroup(container, controller string) string {
	if p.seen == nil || status(p.seen, container).State.Running == nil {
		p.Wait(container+" running", func(pod *v1.Pod) bool { return status(pod, container).State.Running != nil })
	}
	text, err := os.ReadFile("/proc/" + p.Pid(container) + "/cgroup")
	must(err)
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if v2() && fields[0] == "0" {
			return "/sys/fs/cgroup" + fields[2]
		}
		if fields[1] == controller {
			return "/sys/fs/cgroup/" + controller + fields[2]
		}
	}
	p.t.Fail("no %s in %s", controller, text)
	return ""
}

func memoryLimitFile() string {
	if v2() {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

// cgroupValues are the memory limit, the CPU quota of a period of 100 ms, and the weight of that many CPU shares.
func cgroupValues(memory, quota, shares int) string {
	if v2() {
		return fmt.Sprintf("%d %d 100000 %d", memory, quota, weightOf(shares))
	}
	return fmt.Sprintf("%d %d %d", memory, quota, shares)
}

func (p *Pod) cgroupValues(container string) string {
	read := func(controller, file string) string {
		text, err := os.ReadFile(filepath.Join(p.cgroup(container, controller), file))
		must(err)
		return strings.TrimSpace(string(text))
	}
	if v2() {
		return read("memory", "memory.max") + " " + read("cpu", "cpu.max") + " " + read("cpu", "cpu.weight")
	}
	return read("memory", "memory.limit_in_bytes") + " " + read("cpu", "cpu.cfs_quota_us") + " " + read("cpu", "cpu.shares")
}

// weightOf is the cpu.weight of that many CPU shares, by the formula of runc 1.3.2 and later.
func weightOf(shares int) int {
	l := math.Log2(float64(shares))
	return int(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

func hasCapability(status string, number uint) bool {
	_, after, _ := strings.Cut(status, "CapEff:\t")
	bits, _ := strconv.ParseUint(strings.Fields(after)[0], 16, 64)
	return bits&(1<<number) != 0
}

func owner(info os.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }
