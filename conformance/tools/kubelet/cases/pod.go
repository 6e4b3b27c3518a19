package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"sigs.k8s.io/yaml"
)

const busybox = "registry.k8s.io/e2e-test-images/busybox:1.29-2"

// A shell that is PID 1 ends at SIGTERM only if it asks for it.
const pause = "trap 'exit 0' TERM; sleep 1000000 & wait"

// T is one case's run. What goes wrong ends it.
type T struct {
	*Node
	name string
	tag  string
	pods []*Pod
	last []func()
}

var tags atomic.Int32

func newT(node *Node, name string) *T {
	words := regexp.MustCompile("[^a-z0-9]+").ReplaceAllString(strings.ToLower(name), "-")
	if len(words) > 30 {
		words = words[:30]
	}
	return &T{Node: node, name: name, tag: fmt.Sprintf("%s-%d", strings.Trim(words, "-"), tags.Add(1))}
}

func (t *T) Fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }
func (t *T) Skip(format string, args ...any) { panic(skip(fmt.Sprintf(format, args...))) }

// Defer runs at the case's end, when the pods' files are away.
func (t *T) Defer(f func()) { t.last = append(t.last, f) }

func (t *T) end() {
	for _, pod := range t.pods {
		pod.Delete()
	}
	for i := len(t.last) - 1; i >= 0; i-- {
		t.last[i]()
	}
}

// Folder is a new one of the case's own on the host, open to all.
func (t *T) Folder() string {
	dir := t.path("share", fmt.Sprintf("%s-%d", t.tag, tags.Add(1)))
	must(os.Mkdir(dir, 0o777))
	must(os.Chmod(dir, 0o777))
	return dir
}

func (t *T) Host(command string, args ...string) string {
	out, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Fail("%s %s: %v: %s", command, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Equal fails unless the two are the same.
func Equal[V comparable](t *T, what string, got, want V) {
	if got != want {
		t.Fail("%s: want %v, got %v", what, want, got)
	}
}

func (t *T) Contains(what, text, part string) {
	if !strings.Contains(text, part) {
		t.Fail("%s: want %q in %q", what, part, text)
	}
}

func (t *T) ContainsNot(what, text, part string) {
	if strings.Contains(text, part) {
		t.Fail("%s: want no %q in %q", what, part, text)
	}
}

// Until asks again and again; it fails with the last answer of what did not come true.
func (t *T) Until(what string, ask func() (bool, string)) {
	deadline := time.Now().Add(t.patience(100 * time.Second))
	for {
		ok, got := ask()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fail("%s: not so in the end: %s", what, got)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// ---- Pods

type Pod struct {
	t    *T
	name string
	file string
	// The pod as it was seen last.
	seen *v1.Pod
}

// Pod makes a static pod of a spec in YAML. A container may say "sh" for a command of the shell, and is busybox unless it says
// otherwise; PAUSE in a shell's command stands for a wait that SIGTERM ends. Pods have two seconds to end unless they say more.
func (t *T) Pod(spec string) *Pod { return t.PodWith(spec, nil) }

func (t *T) PodWith(spec string, metadata map[string]any) *Pod {
	pod := &Pod{t: t, name: fmt.Sprintf("%s-%d", t.tag, len(t.pods))}
	pod.file = t.path("manifests", pod.name+".yaml")
	t.pods = append(t.pods, pod)
	pod.Write(spec, metadata)
	return pod
}

// Write makes the pod's file, or makes it anew.
func (p *Pod) Write(spec string, metadata map[string]any) {
	var body map[string]any
	if err := yaml.Unmarshal([]byte(undent(spec)), &body); err != nil {
		p.t.Fail("the case's YAML: %v\n%s", err, spec)
	}
	if body["terminationGracePeriodSeconds"] == nil {
		body["terminationGracePeriodSeconds"] = 2
	}
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := body[list].([]any)
		for _, item := range containers {
			container := item.(map[string]any)
			if container["image"] == nil {
				container["image"] = busybox
			}
			if container["imagePullPolicy"] == nil {
				container["imagePullPolicy"] = "IfNotPresent"
			}
			if text, ok := container["sh"].(string); ok {
				container["command"] = []string{"sh", "-c", strings.ReplaceAll(text, "PAUSE", pause)}
				delete(container, "sh")
			}
		}
	}
	full := map[string]any{"name": p.name, "namespace": "default"}
	for key, value := range metadata {
		full[key] = value
	}
	if p.t.settings.cluster {
		body["nodeName"] = hostname
		p.t.api.Put(p.address(), defaulted(full, body))
		return
	}
	text, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": full, "spec": body})
	must(err)
	// The kubelet must never read half a file; names with a dot are not read at all.
	temporary := filepath.Join(filepath.Dir(p.file), "."+filepath.Base(p.file))
	must(os.WriteFile(temporary, text, 0o644))
	must(os.Rename(temporary, p.file))
}

// undent takes away the tabs that the cases' lines have for Go's sake.
func undent(spec string) string {
	lines := strings.Split(strings.TrimLeft(spec, "\n"), "\n")
	tabs := len(lines[0]) - len(strings.TrimLeft(lines[0], "\t"))
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, strings.Repeat("\t", tabs))
	}
	return strings.Join(lines, "\n")
}

// defaulted is a pod as an API server would store it.
func defaulted(metadata, spec map[string]any) *v1.Pod {
	text, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
	must(err)
	pod := &v1.Pod{}
	if err := yaml.UnmarshalStrict(text, pod); err != nil {
		panic(failure(err.Error()))
	}
	defaults.SetObjectDefaults_Pod(pod)
	pod.Status.Phase = v1.PodPending
	return pod
}

func (p *Pod) address() string { return "/api/v1/namespaces/default/pods/" + p.name }

// Delete lets the pod end; Gone waits for that.
func (p *Pod) Delete() {
	if !p.t.settings.cluster {
		_ = os.Remove(p.file)
		return
	}
	p.t.api.Change(p.address(), func(o object) {
		meta := o["metadata"].(object)
		grace := o["spec"].(object)["terminationGracePeriodSeconds"].(float64)
		meta["deletionGracePeriodSeconds"] = grace
		meta["deletionTimestamp"] = time.Now().Add(time.Duration(grace) * time.Second).UTC().Format(time.RFC3339)
	})
}

// Gone deletes it and waits until the kubelet has no more of it and nothing of it runs: it leaves /pods before it is ended.
func (p *Pod) Gone() {
	p.Delete()
	p.t.Until(p.name+" goes", func() (bool, string) {
		if pod, _ := p.t.Node.pod(p.name); pod != nil {
			return false, describe(pod)
		}
		if p.seen == nil {
			return true, ""
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		answer, err := p.t.cri().ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{Filter: &runtime.PodSandboxFilter{
			State:         &runtime.PodSandboxStateValue{State: runtime.PodSandboxState_SANDBOX_READY},
			LabelSelector: map[string]string{"io.kubernetes.pod.uid": p.uid()},
		}})
		if err != nil {
			return false, err.Error()
		}
		return len(answer.Items) == 0, "its sandbox is ready"
	})
}

// Wait returns the pod as soon as it is as wanted.
func (p *Pod) Wait(what string, ok func(*v1.Pod) bool) *v1.Pod {
	deadline := time.After(p.t.patience(100 * time.Second))
	for {
		pod, changed := p.t.Node.pod(p.name)
		if pod != nil {
			p.seen = pod
			if ok(pod) {
				return pod
			}
		}
		select {
		case <-changed:
		case <-deadline:
			p.t.Fail("%s: waited for %s in vain: %s", p.name, what, describe(pod))
		}
	}
}

func (p *Pod) Running() *v1.Pod {
	return p.Wait("all containers running", func(pod *v1.Pod) bool {
		for _, status := range pod.Status.ContainerStatuses {
			if status.State.Running == nil {
				return false
			}
		}
		return len(pod.Status.ContainerStatuses) == len(pod.Spec.Containers) && pod.Status.Phase == v1.PodRunning
	})
}

func (p *Pod) Ready() *v1.Pod { return p.Wait("ready", isReady) }
func (p *Pod) NotReady() *v1.Pod {
	return p.Wait("not ready", func(pod *v1.Pod) bool { return !isReady(pod) })
}

func isReady(pod *v1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == v1.PodReady {
			return condition.Status == v1.ConditionTrue
		}
	}
	return false
}

func (p *Pod) Phase(phase v1.PodPhase) *v1.Pod {
	return p.Wait("phase "+string(phase), func(pod *v1.Pod) bool { return pod.Status.Phase == phase })
}

// Waiting waits until a container waits for that reason.
func (p *Pod) Waiting(container, reason string) v1.ContainerStatus {
	pod := p.Wait(container+" waiting with "+reason, func(pod *v1.Pod) bool {
		waiting := status(pod, container).State.Waiting
		return waiting != nil && waiting.Reason == reason
	})
	return status(pod, container)
}

// Ended waits until a container has ended, now or before its last restart.
func (p *Pod) Ended(container string) *v1.ContainerStateTerminated {
	var end *v1.ContainerStateTerminated
	p.Wait(container+" ended", func(pod *v1.Pod) bool {
		s := status(pod, container)
		end = s.State.Terminated
		if end == nil {
			end = s.LastTerminationState.Terminated
		}
		return end != nil
	})
	return end
}

// Restarted waits until a container runs after that many restarts.
func (p *Pod) Restarted(container string, times int32) v1.ContainerStatus {
	pod := p.Wait(fmt.Sprintf("%s restarted %d times", container, times), func(pod *v1.Pod) bool {
		s := status(pod, container)
		return s.RestartCount >= times && s.State.Running != nil
	})
	return status(pod, container)
}

func status(pod *v1.Pod, container string) v1.ContainerStatus {
	for _, s := range append(append([]v1.ContainerStatus{}, pod.Status.ContainerStatuses...), pod.Status.InitContainerStatuses...) {
		if s.Name == container {
			return s
		}
	}
	return v1.ContainerStatus{}
}

func describe(pod *v1.Pod) string {
	if pod == nil {
		return "there is no such pod"
	}
	text := string(pod.Status.Phase) + " " + pod.Status.Reason + " " + pod.Status.Message
	for _, s := range append(append([]v1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...) {
		text += fmt.Sprintf("; %s ready=%v restarts=%d", s.Name, s.Ready, s.RestartCount)
		for when, state := range map[string]v1.ContainerState{"": s.State, "before: ": s.LastTerminationState} {
			switch {
			case state.Waiting != nil:
				text += fmt.Sprintf(" %swaiting %s %s", when, state.Waiting.Reason, state.Waiting.Message)
			case state.Running != nil:
				text += " " + when + "running"
			case state.Terminated != nil:
				text += fmt.Sprintf(" %sended %d %s %s", when, state.Terminated.ExitCode, state.Terminated.Reason, state.Terminated.Message)
			}
		}
	}
	return text
}

// uid, fullName and id name the pod and its containers as the kubelet and the runtime do.
func (p *Pod) uid() string      { return string(p.seen.UID) }
func (p *Pod) fullName() string { return p.t.Node.fullName(p.name) }

func (p *Pod) id(container string) string {
	return strings.TrimPrefix(status(p.seen, container).ContainerID, "gantry://")
}

// CRI is what the runtime itself tells of a container.
func (p *Pod) CRI(container string) *runtime.ContainerStatus {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := p.t.cri().ContainerStatus(ctx, &runtime.ContainerStatusRequest{ContainerId: p.id(container), Verbose: true})
	must(err)
	return answer.Status
}

// Pid is the host's number of a container's first process.
func (p *Pod) Pid(container string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := p.t.cri().ContainerStatus(ctx, &runtime.ContainerStatusRequest{ContainerId: p.id(container), Verbose: true})
	must(err)
	found := regexp.MustCompile(`"pid":\s*(\d+)`).FindStringSubmatch(answer.Info["info"])
	if found == nil {
		p.t.Fail("no pid in the verbose status: %v", answer.Info)
	}
	return found[1]
}

// Log is all that the kubelet gives of a container's log.
func (p *Pod) Log(container string) string { return p.LogWith(container, "") }

func (p *Pod) LogWith(container, query string) string {
	text, err := p.t.get("/containerLogs/default/" + p.fullName() + "/" + container + "?" + query)
	must(err)
	return text
}

// Logged waits until the log has that text.
func (p *Pod) Logged(container, part string) string {
	var log string
	p.t.Until(p.name+" logs "+part, func() (bool, string) {
		text, err := p.t.get("/containerLogs/default/" + p.fullName() + "/" + container)
		if err != nil {
			return false, err.Error()
		}
		log = text
		return strings.Contains(text, part), text
	})
	return log
}
