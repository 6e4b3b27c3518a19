package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// status1 reads a line of the first process's /proc/PID/status.
func (p *Pod) procStatus(container, key string) string {
	return strings.Join(strings.Fields(p.Sh(container, "sed -n 's/^"+key+":\t*//p' /proc/self/status")), " ")
}

var security = Group{"security", []Case{
	{what: "runAsUser and runAsGroup, of the pod and of a container; exec has them too", run: func(t *T) {
		p := t.Pod(`
			securityContext: {runAsUser: 1234, runAsGroup: 2345}
			containers:
			- {name: pod, sh: "id -u; id -g; PAUSE"}
			- {name: own, sh: "id -u; id -g; PAUSE", securityContext: {runAsUser: 99}}`)
		pod := p.Running()
		Equal(t, "the pod's", p.Logged("pod", "2345"), "1234\n2345\n")
		Equal(t, "the container's own", p.Logged("own", "2345"), "99\n2345\n")
		Equal(t, "exec", p.Sh("own", "echo $(id -u) $(id -g)"), "99 2345")
		if user := status(pod, "own").User; user == nil || user.Linux == nil || user.Linux.UID != 99 || user.Linux.GID != 2345 {
			t.Fail("the status tells %v", user)
		}
	}},
	{what: "runAsNonRoot: an image of root and one of a named user are refused, one of a number runs", run: func(t *T) {
		root := t.Pod(`
			securityContext: {runAsNonRoot: true}
			containers: [{name: c, sh: "PAUSE"}]`)
		named := t.Pod(`
			securityContext: {runAsNonRoot: true}
			containers: [{name: c, image: "gantry.test/user:1", sh: "PAUSE"}]`)
		number := t.Pod(`
			securityContext: {runAsNonRoot: true}
			containers: [{name: c, image: "registry.k8s.io/k8s-staging-cri-tools/test-image-user-uid:latest", sh: "id -u; PAUSE"}]`)
		t.Contains("root", root.Waiting("c", "CreateContainerConfigError").State.Waiting.Message, "run as root")
		t.Contains("named", named.Waiting("c", "CreateContainerConfigError").State.Waiting.Message, "non-numeric user")
		number.Running()
		Equal(t, "the number", number.Logged("c", "1002"), "1002\n")
	}},
	{what: "fsGroup owns volumes and is a group of the processes", run: func(t *T) {
		p := t.Pod(`
			securityContext: {runAsUser: 1000, fsGroup: 4321}
			volumes: [{name: d, emptyDir: {}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d}]}]`)
		p.Running()
		Equal(t, "volume, new file, groups", p.Sh("c", "touch /d/x; stat -c %g /d /d/x; id -G"), "4321\n4321\n0 4321")
	}},
	{what: "supplementalGroups with policy Merge and Strict", run: func(t *T) {
		pods := map[string]*Pod{}
		for _, policy := range []string{"Merge", "Strict"} {
			pods[policy] = t.Pod(fmt.Sprintf(`
				securityContext: {runAsUser: 1500, runAsGroup: 1501, supplementalGroups: [4000], supplementalGroupsPolicy: %s}
				containers: [{name: c, image: "gantry.test/user:1", sh: "PAUSE"}]`, policy))
		}
		for policy, want := range map[string]string{"Merge": "1501 1600 4000", "Strict": "1501 4000"} {
			pod := pods[policy].Running()
			got := strings.Fields(pods[policy].Sh("c", "for g in $(id -G); do echo $g; done | sort -n | uniq"))
			Equal(t, policy, strings.Join(got, " "), want)
			if user := status(pod, "c").User; user == nil || len(user.Linux.SupplementalGroups) == 0 {
				t.Fail("%s: the status tells %v", policy, user)
			}
		}
	}},
	{what: "capabilities: the default ones, dropped and added", run: func(t *T) {
		p := t.Pod(`
			containers:
			- {name: usual, sh: "PAUSE"}
			- {name: none, sh: "PAUSE", securityContext: {capabilities: {drop: [ALL]}}}
			- {name: one, sh: "PAUSE", securityContext: {capabilities: {drop: [ALL], add: [NET_ADMIN]}}}
			- {name: less, sh: "PAUSE", securityContext: {capabilities: {drop: [CHOWN]}}}`)
		p.Running()
		for name, want := range map[string]string{"usual": "00000000a80425fb", "none": "0000000000000000", "one": "0000000000001000", "less": "00000000a80425fa"} {
			Equal(t, name, p.procStatus(name, "CapEff"), want)
		}
	}},
	{what: "privileged: all capabilities and devices, /sys and /proc to be written", run: func(t *T) {
		p := t.Pod(`
			containers:
			- {name: priv, sh: "PAUSE", securityContext: {privileged: true}}
			- {name: usual, sh: "PAUSE"}`)
		p.Running()
		ours, err := os.ReadFile("/proc/self/status")
		must(err)
		t.Contains("our own capabilities", string(ours), "CapEff:\t"+p.procStatus("priv", "CapEff"))
		p.Sh("priv", "test -c /dev/kmsg && mkdir /mnt && mount -t tmpfs none /mnt && ! grep ' /sys ' /proc/mounts | grep -q 'ro,'")
		if out, code := p.Exec("usual", "mount", "-t", "tmpfs", "none", "/tmp"); code == 0 {
			t.Fail("one that is not privileged could mount: %s", out)
		}
		p.Sh("usual", "! test -e /dev/kmsg && grep ' /sys ' /proc/mounts | grep -q 'ro,'")
	}},
	{what: "readOnlyRootFilesystem: volumes can be written, the rest cannot", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {}}]
			containers: [{name: c, sh: "PAUSE", securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: d, mountPath: /d}]}]`)
		p.Running()
		p.Sh("c", "touch /d/x /dev/shm/x && ! touch /x 2>/dev/null && ! touch /etc/x 2>/dev/null")
	}},
	{what: "seccomp: RuntimeDefault, Unconfined, Localhost, and a profile that is not there", run: func(t *T) {
		must(os.WriteFile(t.path("kubelet/seccomp", t.tag+".json"), []byte(`{"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}`), 0o644))
		p := t.Pod(fmt.Sprintf(`
			containers:
			- {name: default, sh: "PAUSE", securityContext: {seccompProfile: {type: RuntimeDefault}}}
			- {name: unconfined, sh: "PAUSE", securityContext: {seccompProfile: {type: Unconfined}}}
			- {name: local, sh: "PAUSE", securityContext: {seccompProfile: {type: Localhost, localhostProfile: %s.json}}}`, t.tag))
		absent := t.Pod(`containers: [{name: c, sh: "PAUSE", securityContext: {seccompProfile: {type: Localhost, localhostProfile: no/such.json}}}]`)
		p.Running()
		for name, want := range map[string]string{"default": "2", "unconfined": "0", "local": "2"} {
			Equal(t, name, p.procStatus(name, "Seccomp"), want)
		}
		out, _ := p.Exec("local", "mkdir", "/tmp/x")
		t.Contains("mkdir", out, "not supported")
		p.Sh("default", "mkdir /tmp/x && ! unshare -U true 2>/dev/null")
		absent.Wait("a reason", func(pod *v1.Pod) bool {
			w := status(pod, "c").State.Waiting
			return w != nil && strings.HasPrefix(w.Reason, "CreateContainer") && strings.Contains(w.Message, "no/such.json")
		})
	}},
	{what: "procMount Default masks /proc, Unmasked (with hostUsers: false) does not", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		p.Sh("c", "grep -q ' /proc/keys ' /proc/mounts && grep ' /proc/sys ' /proc/mounts | grep -q 'ro,'")
		u := t.Pod(`
			hostUsers: false
			containers: [{name: c, sh: "PAUSE", securityContext: {procMount: Unmasked}}]`)
		u.Running()
		u.Sh("c", "! grep -q ' /proc/keys ' /proc/mounts && ! grep -q ' /proc/sys ' /proc/mounts")
	}},
	{what: "allowPrivilegeEscalation: a setuid program raises with it, and not without", run: func(t *T) {
		p := t.Pod(`
			securityContext: {runAsUser: 1000}
			restartPolicy: Never
			containers:
			- {name: with, image: "registry.k8s.io/e2e-test-images/nonewprivs:1.3", securityContext: {allowPrivilegeEscalation: true}}
			- {name: without, image: "registry.k8s.io/e2e-test-images/nonewprivs:1.3", securityContext: {allowPrivilegeEscalation: false}}`)
		p.Phase(v1.PodSucceeded)
		t.Contains("with", p.Log("with"), "Effective uid: 0")
		t.Contains("without", p.Log("without"), "Effective uid: 1000")
	}},
	{what: "hostUsers: false: root is nobody on the host, volumes keep their owners", run: func(t *T) {
		p := t.Pod(`
			hostUsers: false
			volumes: [{name: d, emptyDir: {}}]
			containers:
			- {name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d}]}
			- {name: user, sh: "PAUSE", securityContext: {runAsUser: 1000}, volumeMounts: [{name: d, mountPath: /d}]}`)
		p.Running()
		fields := strings.Fields(p.Sh("c", "cat /proc/self/uid_map"))
		if len(fields) != 3 || fields[0] != "0" || fields[1] == "0" || fields[2] != "65536" {
			t.Fail("uid_map: %v", fields)
		}
		t.Contains("the process on the host", readFile(t, "/proc", p.Pid("c"), "status"), "Uid:\t"+fields[1])
		Equal(t, "root in it", p.Sh("c", "id -u; touch /d/x; stat -c %u /d/x /etc/hostname"), "0\n0\n0")
		Equal(t, "another user", p.Sh("user", "id -u; touch /d/y; stat -c %u /d/y"), "1000\n1000")
		info, err := os.Stat(t.path("kubelet/pods", p.uid(), "volumes/kubernetes.io~empty-dir/d/x"))
		must(err)
		Equal(t, "the volume's file on the host", owner(info), 0)
	}},
	{what: "hostPID and hostIPC: the host's namespaces; without them the pod's own", run: func(t *T) {
		host := t.Pod(`
			hostPID: true
			hostIPC: true
			containers: [{name: c, sh: "PAUSE"}]`)
		own := t.Pod(`containers: [{name: c, sh: "PAUSE"}, {name: d, sh: "PAUSE"}]`)
		host.Running()
		own.Running()
		for _, kind := range []string{"pid", "ipc"} {
			ours := readlink("/proc/self/ns", kind)
			Equal(t, "the host's "+kind, host.Sh("c", "readlink /proc/self/ns/"+kind), ours)
			if own.Sh("c", "readlink /proc/self/ns/"+kind) == ours {
				t.Fail("a pod without it is in the host's %s namespace", kind)
			}
		}
		Equal(t, "IPC of two containers", own.Sh("c", "readlink /proc/self/ns/ipc"), own.Sh("d", "readlink /proc/self/ns/ipc"))
		Equal(t, "its first process", own.Sh("c", "echo $$ >/dev/null; cat /proc/1/comm"), "sh")
	}},
	{what: "shareProcessNamespace: containers see each other, and nobody is left a zombie", run: func(t *T) {
		p := t.Pod(`
			shareProcessNamespace: true
			containers:
			- {name: c, sh: "PAUSE"}
			- {name: d, sh: "sh -c 'sleep 1 & exec true'; exec sleep 727272"}`)
		p.Running()
		t.Contains("processes", p.Sh("c", "ps"), "sleep 727272")
		if first := p.Sh("c", "cat /proc/1/comm"); first == "sh" || first == "sleep" {
			t.Fail("process 1 is a container's: %s", first)
		}
		t.Equals("zombies", func() string { return p.Sh("c", "grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null || true") }, "")
	}},
	{what: "AppArmor profiles: RuntimeDefault and Unconfined", unless: noAppArmor, run: func(t *T) {
		p := t.Pod(`
			containers:
			- {name: default, sh: "PAUSE", securityContext: {appArmorProfile: {type: RuntimeDefault}}}
			- {name: unconfined, sh: "PAUSE", securityContext: {appArmorProfile: {type: Unconfined}}}`)
		p.Running()
		t.Contains("default", p.Sh("default", "cat /proc/1/attr/current"), "(enforce)")
		Equal(t, "unconfined", p.Sh("unconfined", "cat /proc/1/attr/current"), "unconfined")
	}},
}}

func noAppArmor(*Node) string {
	if enabled, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled"); strings.TrimSpace(string(enabled)) != "Y" {
		return "this kernel has no AppArmor"
	}
	return ""
}

func readlink(parts ...string) string {
	target, err := os.Readlink(filepath.Join(parts...))
	must(err)
	return target
}

// stopSandbox ends a pod's sandbox behind the kubelet's back.
func (t *T) stopSandbox(p *Pod) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer, err := t.cri().ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{Filter: &runtime.PodSandboxFilter{LabelSelector: map[string]string{"io.kubernetes.pod.uid": p.uid()}}})
	must(err)
	for _, item := range answer.Items {
		_, err := t.cri().StopPodSandbox(ctx, &runtime.StopPodSandboxRequest{PodSandboxId: item.Id})
		must(err)
	}
}
