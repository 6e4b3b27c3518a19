package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "k8s.io/api/core/v1"
	node "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a kubelet does only with an API server: it is given a small one.
var cluster = Group{"cluster", []Case{
	{what: "the node becomes Ready and tells the runtime's version, its handlers' features and its images", run: func(t *T) {
		t.Pod(`containers: [{name: c, sh: "PAUSE"}]`).Running()
		t.Until("the node is ready", func() (bool, string) {
			n := &v1.Node{}
			text := encode(t.api.Get("/api/v1/nodes/" + hostname))
			must(json.Unmarshal(text, n))
			ready := false
			for _, condition := range n.Status.Conditions {
				ready = ready || condition.Type == v1.NodeReady && condition.Status == v1.ConditionTrue
			}
			handlers, images := 0, 0
			for _, handler := range n.Status.RuntimeHandlers {
				if handler.Features != nil && *handler.Features.RecursiveReadOnlyMounts && *handler.Features.UserNamespaces {
					handlers++
				}
			}
			for _, image := range n.Status.Images {
				if strings.Contains(strings.Join(image.Names, " "), busybox) && image.SizeBytes > 0 {
					images++
				}
			}
			return ready && strings.HasPrefix(n.Status.NodeInfo.ContainerRuntimeVersion, "gantry://") && handlers == 2 && images == 1 &&
				*n.Status.Features.SupplementalGroupsPolicy, string(text)
		})
	}},
	{what: "recursiveReadOnly Enabled makes the mounts below read-only too", run: func(t *T) {
		dir := t.tree()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d, readOnly: true, recursiveReadOnly: Enabled}]}]`, dir))
		pod := p.Running()
		if out, code := p.Exec("c", "touch", "/d/below/x"); code == 0 {
			t.Fail("it could write: %s", out)
		}
		for _, mount := range status(pod, "c").VolumeMounts {
			if mount.Name == "d" && (mount.RecursiveReadOnly == nil || *mount.RecursiveReadOnly != v1.RecursiveReadOnlyEnabled) {
				t.Fail("the status tells %v", mount.RecursiveReadOnly)
			}
		}
	}},
	{what: "projected volume of ConfigMap, Secret, service account token and downward API; a ConfigMap that changes reaches the file", run: func(t *T) {
		maps := "/api/v1/namespaces/default/configmaps/" + t.tag
		meta := metav1.ObjectMeta{Name: t.tag, Namespace: "default"}
		t.api.Put(maps, v1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"key": "old"}})
		t.api.Put("/api/v1/namespaces/default/secrets/"+t.tag, v1.Secret{ObjectMeta: meta, Data: map[string][]byte{"password": []byte("secret")}})
		p := t.PodWith(fmt.Sprintf(`
			serviceAccountName: default
			volumes:
			- name: d
			  projected:
			    sources:
			    - configMap: {name: %[1]s}
			    - secret: {name: %[1]s, items: [{key: password, path: deep/password, mode: 0400}]}
			    - serviceAccountToken: {path: token}
			    - downwardAPI:
			        items:
			        - {path: labels, fieldRef: {fieldPath: metadata.labels}}
			        - {path: limit, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}
			containers:
			- name: c
			  sh: "PAUSE"
			  env: [{name: FROM, valueFrom: {configMapKeyRef: {name: %[1]s, key: key}}}]
			  resources: {requests: {cpu: 10m}, limits: {cpu: 250m, memory: 32Mi}}
			  volumeMounts: [{name: d, mountPath: /d}]`, t.tag), map[string]any{"labels": map[string]string{"color": "red"}})
		p.Running()
		Equal(t, "files", p.Sh("c", "cd /d; for f in key deep/password token labels limit; do cat $f; echo; done; stat -Lc %a deep/password; echo $FROM"),
			"old\nsecret\na.token.for-default\ncolor=\"red\"\n250\n400\nold")
		t.api.Put(maps, v1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"key": "new"}})
		t.Equals("the new value", func() string { return p.Sh("c", "cat /d/key") }, "new")
		Equal(t, "restarts", status(p.seen, "c").RestartCount, 0)
	}},
	{what: "a RuntimeClass of gantry's handler runs, one of another handler is refused", run: func(t *T) {
		for _, name := range []string{"gantry", "other"} {
			t.api.Put("/apis/node.k8s.io/v1/runtimeclasses/"+name, node.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Handler: name})
		}
		good := t.Pod(`
			runtimeClassName: gantry
			containers: [{name: c, sh: "PAUSE"}]`)
		bad := t.Pod(`
			runtimeClassName: other
			containers: [{name: c, sh: "PAUSE"}]`)
		good.Running()
		bad.Wait("seen", func(pod *v1.Pod) bool { return true })
		t.Until("the kubelet says why", func() (bool, string) {
			return strings.Contains(readFile(t, t.path("kubelet.log")), `handler \"other\"`) || strings.Contains(readFile(t, t.path("kubelet.log")), "handler other"), "nothing in its log"
		})
		if s := status(bad.seen, "c"); s.State.Running != nil {
			t.Fail("it runs")
		}
	}},
	{what: "an ephemeral container (kubectl debug) sees the processes of the one that it aims at", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "exec sleep 828282"}]`)
		p.Running()
		t.api.Change(p.address(), func(o object) {
			o["spec"].(object)["ephemeralContainers"] = []any{object{
				"name": "debug", "image": busybox, "imagePullPolicy": "IfNotPresent", "targetContainerName": "c", "stdin": true, "tty": true,
				"command": []any{"sh"}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
			}}
		})
		p.Wait("the ephemeral container running", func(pod *v1.Pod) bool {
			return len(pod.Status.EphemeralContainerStatuses) == 1 && pod.Status.EphemeralContainerStatuses[0].State.Running != nil
		})
		t.Contains("processes", p.Sh("debug", "ps"), "sleep 828282")
		t.Contains("the first process", p.Sh("debug", "cat /proc/1/cmdline | tr '\\0' ' '"), "sleep 828282")
	}},
	{what: "a pod above its limit of ephemeral storage is evicted", run: func(t *T) {
		p := t.Pod(`
			restartPolicy: Never
			containers: [{name: c, sh: "dd if=/dev/zero of=/big bs=1M count=24; exec sleep 1000000", resources: {limits: {ephemeral-storage: 8Mi}}}]`)
		pod := p.Phase(v1.PodFailed)
		Equal(t, "the reason", pod.Status.Reason, "Evicted")
		t.Contains("the message", pod.Status.Message, "ephemeral")
	}},
	{what: "a pod of the API server is deleted with its grace period, and its object goes", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers: [{name: c, sh: "trap 'echo TERM >/d/x; exit 0' TERM; touch /d/ready; sleep 1000 & wait", volumeMounts: [{name: d, mountPath: /d}]}]`, dir))
		p.Running()
		t.Until("the trap is set", func() (bool, string) { out, code := p.Exec("c", "test", "-e", "/d/ready"); return code == 0, out })
		p.Gone()
		Equal(t, "the container wrote", readFile(t, dir, "x"), "TERM\n")
		t.Until("the object goes", func() (bool, string) { return t.api.Get(p.address()) == nil, "it is there" })
	}},
	// A static pod is a critical one, which gets no swap.
	{what: "swap by LimitedSwap: a Burstable pod has its share, a Guaranteed one none", unless: func(*Node) string {
		if !v2() {
			return "the kubelet has no swap on cgroup v1"
		}
		if swaps, _ := os.ReadFile("/proc/swaps"); strings.Count(string(swaps), "\n") < 2 {
			return "this machine has no swap"
		}
		return ""
	}, run: func(t *T) {
		burstable := t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {requests: {memory: 64Mi}, limits: {memory: 128Mi}}}]`)
		guaranteed := t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {limits: {memory: 64Mi, cpu: 100m}}}]`)
		burstable.Running()
		guaranteed.Running()
		if share := readFile(t, burstable.cgroup("c", "memory"), "memory.swap.max"); share == "0\n" || share == "max\n" {
			t.Fail("the Burstable one's share: %s", share)
		}
		Equal(t, "the Guaranteed one's", readFile(t, guaranteed.cgroup("c", "memory"), "memory.swap.max"), "0\n")
	}},
	{what: "resize of memory and CPU of a running pod by its spec", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE", resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 100m, memory: 64Mi}}}]`)
		p.Running()
		id := p.id("c")
		t.api.Change(p.address(), func(o object) {
			c := o["spec"].(object)["containers"].([]any)[0].(object)
			c["resources"] = object{"requests": object{"cpu": "51m", "memory": "32Mi"}, "limits": object{"cpu": "200m", "memory": "96Mi"}}
		})
		t.Equals("values", func() string { return p.cgroupValues("c") }, cgroupValues(96<<20, 20000, 52))
		p.Wait("the status tells it", func(pod *v1.Pod) bool {
			r := status(pod, "c").Resources
			return r != nil && r.Limits.Memory().String() == "96Mi" && r.Limits.Cpu().String() == "200m"
		})
		Equal(t, "it is the same container", p.id("c"), id)
	}},
}}

var evictions = Group{"eviction", []Case{
	{what: "disk pressure: the pod that fills the disk is evicted, and a new one is taken when the pressure is over", run: func(t *T) {
		good := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		bad := t.Pod(`
			volumes: [{name: d, emptyDir: {}}]
			containers: [{name: c, sh: "dd if=/dev/zero of=/d/big bs=1M count=300; exec sleep 1000000", volumeMounts: [{name: d, mountPath: /d}]}]`)
		good.Running()
		bad.Logged("c", "records out")
		free := t.fill(pressure - 100<<20)
		pod := bad.Phase(v1.PodFailed)
		Equal(t, "the reason", pod.Status.Reason, "Evicted")
		Equal(t, "the other pod's restarts", status(good.seen, "c").RestartCount, 0)
		free()
		bad.Gone()
		t.Until("a new pod is taken", func() (bool, string) {
			p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
			pod := p.Wait("an answer", func(pod *v1.Pod) bool { return pod.Status.Phase == v1.PodFailed || pod.Status.Phase == v1.PodRunning })
			p.Delete()
			return pod.Status.Phase == v1.PodRunning, describe(pod)
		})
	}},
}}

// tree is a folder with a mount of its own, and another mount below it.
func (t *T) tree() string {
	dir := t.Folder()
	t.Host("mount", "-t", "tmpfs", "none", dir)
	t.Defer(func() { t.Host("umount", "-R", "-l", dir) })
	below := filepath.Join(dir, "below")
	t.Host("mkdir", "-m", "777", below)
	t.Host("mount", "-t", "tmpfs", "none", below)
	return dir
}
