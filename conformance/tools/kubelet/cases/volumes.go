package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	v1 "k8s.io/api/core/v1"
)

var volumes = Group{"volumes", []Case{
	{what: "emptyDir is shared by the containers and outlives a restart, but not the pod", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {}}]
			containers:
			- {name: a, sh: "echo x >>/d/x; sleep 2", volumeMounts: [{name: d, mountPath: /d}]}
			- {name: b, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /seen}]}`)
		p.Restarted("a", 1)
		t.Until("two lines", func() (bool, string) { out := p.Sh("b", "cat /seen/x"); return strings.Count(out, "x") >= 2, out })
		p.Gone()
		t.Until("the folder goes", func() (bool, string) {
			_, err := os.Stat(t.path("kubelet/pods", p.uid()))
			return os.IsNotExist(err), fmt.Sprint(err)
		})
	}},
	{what: "emptyDir in memory is a tmpfs of its size", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d}]}]`)
		p.Running()
		t.Contains("the mount", p.Sh("c", "grep ' /d ' /proc/mounts"), "size=1024k")
		if out, code := p.Exec("c", "dd", "if=/dev/zero", "of=/d/x", "bs=1M", "count=2"); code == 0 {
			t.Fail("2 MB fit: %s", out)
		}
	}},
	{what: "emptyDir of huge pages, and huge pages as a resource", unless: noHugepages, run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: d, emptyDir: {medium: HugePages}}]
			containers: [{name: c, sh: "PAUSE", resources: {limits: {hugepages-2Mi: 4Mi, memory: 64Mi, cpu: 100m}}, volumeMounts: [{name: d, mountPath: /d}]}]`)
		p.Running()
		t.Contains("the mount", p.Sh("c", "grep ' /d ' /proc/mounts"), "hugetlbfs")
	}},
	{what: "hostPath of each type", run: func(t *T) {
		dir := t.Folder()
		must(os.WriteFile(filepath.Join(dir, "file"), []byte("from the host\n"), 0o644))
		must(os.Mkdir(filepath.Join(dir, "folder"), 0o755))
		socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		must(err)
		t.Defer(func() { syscall.Close(socket) })
		// The path of a socket is short, the folder's is not.
		link, err := os.MkdirTemp("/tmp", "s")
		must(err)
		t.Defer(func() { os.RemoveAll(link) })
		must(syscall.Bind(socket, &syscall.SockaddrUnix{Name: link + "/socket"}))
		disk := strings.TrimSpace(t.Host("findmnt", "-no", "SOURCE", t.dir))
		p := t.Pod(fmt.Sprintf(`
			volumes:
			- {name: any, hostPath: {path: %[1]s/folder}}
			- {name: dir, hostPath: {path: %[1]s/folder, type: Directory}}
			- {name: newdir, hostPath: {path: %[1]s/made/deep, type: DirectoryOrCreate}}
			- {name: file, hostPath: {path: %[1]s/file, type: File}}
			- {name: newfile, hostPath: {path: %[1]s/newfile, type: FileOrCreate}}
			- {name: socket, hostPath: {path: %[2]s/socket, type: Socket}}
			- {name: char, hostPath: {path: /dev/null, type: CharDevice}}
			- {name: block, hostPath: {path: %[3]s, type: BlockDevice}}
			containers:
			- name: c
			  sh: "PAUSE"
			  volumeMounts:
			  - {name: any, mountPath: /any}
			  - {name: dir, mountPath: /dir}
			  - {name: newdir, mountPath: /newdir}
			  - {name: file, mountPath: /etc/file}
			  - {name: newfile, mountPath: /newfile}
			  - {name: socket, mountPath: /run/socket}
			  - {name: char, mountPath: /nothing}
			  - {name: block, mountPath: /disk}`, dir, link, disk))
		p.Running()
		p.Sh("c", "echo x >/any/x && cat /dir/x && echo y >/newdir/y && echo z >/newfile && test -S /run/socket && test -c /nothing && test -b /disk")
		Equal(t, "file", p.Sh("c", "cat /etc/file"), "from the host")
		Equal(t, "what was written", readFile(t, dir, "made/deep/y")+readFile(t, dir, "newfile"), "y\nz\n")
	}},
	{what: "hostPath of the wrong type keeps the pod from starting", run: func(t *T) {
		dir := t.Folder()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s, type: File}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d}]}]`, dir))
		p.Waiting("c", "ContainerCreating")
		t.Until("the kubelet says why", func() (bool, string) {
			log, _ := os.ReadFile(t.path("kubelet.log"))
			return strings.Contains(string(log), "is not a file") && strings.Contains(string(log), dir), "nothing in its log"
		})
	}},
	{what: "mount propagation: HostToContainer, Bidirectional, None", run: func(t *T) {
		dir := t.Folder()
		t.Host("mount", "-t", "tmpfs", "none", dir)
		t.Host("mount", "--make-shared", dir)
		t.Defer(func() { t.Host("umount", "-R", "-l", dir) })
		for _, sub := range []string{"from-host", "from-pod"} {
			must(os.Mkdir(filepath.Join(dir, sub), 0o755))
		}
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers:
			- {name: none, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d}]}
			- {name: slave, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d, mountPropagation: HostToContainer}]}
			- {name: shared, sh: "PAUSE", securityContext: {privileged: true}, volumeMounts: [{name: d, mountPath: /d, mountPropagation: Bidirectional}]}`, dir))
		p.Running()
		t.Host("mount", "-t", "tmpfs", "host", filepath.Join(dir, "from-host"))
		p.Sh("shared", "mount -t tmpfs pod /d/from-pod && touch /d/from-pod/x")
		for name, want := range map[string]string{"none": "0 0", "slave": "1 1", "shared": "1 1"} {
			Equal(t, name, p.Sh(name, "echo $(grep -c ' /d/from-host ' /proc/mounts) $(grep -c ' /d/from-pod ' /proc/mounts)"), want)
		}
		if _, err := os.Stat(filepath.Join(dir, "from-pod/x")); err != nil {
			t.Fail("the pod's mount does not reach the host: %v", err)
		}
	}},
	{what: "subPath of a folder and a file, subPathExpr, and one that leads out is refused", run: func(t *T) {
		dir := t.Folder()
		must(os.MkdirAll(filepath.Join(dir, "sub/folder"), 0o755))
		must(os.WriteFile(filepath.Join(dir, "sub/file"), []byte("one file\n"), 0o644))
		must(os.Symlink("/etc", filepath.Join(dir, "out")))
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers:
			- name: c
			  sh: "PAUSE"
			  env: [{name: NAME, value: made-by-name}]
			  volumeMounts:
			  - {name: d, mountPath: /folder, subPath: sub/folder}
			  - {name: d, mountPath: /etc/one, subPath: sub/file, readOnly: true}
			  - {name: d, mountPath: /expr, subPathExpr: "sub/$(NAME)"}`, dir))
		bad := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d, subPath: out}]}]`, dir))
		p.Running()
		p.Sh("c", "echo x >/folder/x; echo y >/expr/y")
		Equal(t, "the file", p.Sh("c", "cat /etc/one"), "one file")
		Equal(t, "what was written", readFile(t, dir, "sub/folder/x")+readFile(t, dir, "sub/made-by-name/y"), "x\ny\n")
		bad.Waiting("c", "CreateContainerConfigError")
	}},
	{what: "a read-only mount takes no writes, but mounts below it do; recursiveReadOnly IfPossible works", run: func(t *T) {
		dir := t.tree()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: d, hostPath: {path: %s}}]
			containers:
			- {name: c, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d, readOnly: true}]}
			- {name: r, sh: "PAUSE", volumeMounts: [{name: d, mountPath: /d, readOnly: true, recursiveReadOnly: IfPossible}]}`, dir))
		p.Running()
		for _, name := range []string{"c", "r"} {
			if out, code := p.Exec(name, "touch", "/d/x"); code == 0 {
				t.Fail("%s could write: %s", name, out)
			}
		}
		p.Sh("c", "touch /d/below/x")
	}},
	{what: "an image as a volume, whole and with subPath, read-only", run: func(t *T) {
		p := t.Pod(`
			volumes: [{name: i, image: {reference: "gantry.test/volume:1", pullPolicy: IfNotPresent}}]
			containers:
			- {name: c, sh: "PAUSE", volumeMounts: [{name: i, mountPath: /image}, {name: i, mountPath: /part, subPath: data}]}`)
		p.Running()
		Equal(t, "the file", p.Sh("c", "cat /image/data/seed /part/seed"), "from the image\nfrom the image")
		if out, code := p.Exec("c", "touch", "/image/x"); code == 0 {
			t.Fail("it could write: %s", out)
		}
	}},
	{what: "an image volume of an image or a subPath that is not there keeps the container from starting", run: func(t *T) {
		absent := t.Pod(`
			volumes: [{name: i, image: {reference: "gantry.test/absent:1"}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: i, mountPath: /image}]}]`)
		sub := t.Pod(`
			volumes: [{name: i, image: {reference: "gantry.test/volume:1"}}]
			containers: [{name: c, sh: "PAUSE", volumeMounts: [{name: i, mountPath: /image, subPath: no/such}]}]`)
		absent.Wait("a reason", func(pod *v1.Pod) bool {
			w := status(pod, "c").State.Waiting
			return w != nil && (w.Reason == "ErrImagePull" || w.Reason == "ImagePullBackOff")
		})
		sub.Waiting("c", "CreateContainerError")
	}},
}}

func noHugepages(*Node) string {
	if _, err := os.Stat("/sys/kernel/mm/hugepages/hugepages-2048kB"); err != nil {
		return "this kernel has no huge pages"
	}
	if !v2() {
		if _, err := os.Stat("/sys/fs/cgroup/hugetlb"); err != nil {
			return "there is no hugetlb controller in cgroup v1 here"
		}
	}
	return ""
}
