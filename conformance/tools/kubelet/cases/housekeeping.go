package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// One after another, on a disk of their own: the folder of the node is a small file system.
var housekeeping = Group{"housekeeping", []Case{
	{what: "of the dead containers of a pod one is kept, and dead sandboxes go", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "exit 1"}, {name: d, sh: "PAUSE"}]`)
		p.Wait("3 restarts", func(pod *v1.Pod) bool { return status(pod, "c").RestartCount >= 3 })
		t.stopSandbox(p)
		first := p.id("d")
		p.Wait("a new sandbox", func(pod *v1.Pod) bool {
			s := status(pod, "d")
			return s.State.Running != nil && !strings.HasSuffix(s.ContainerID, first)
		})
		// Its newest dead container is in the new sandbox then, so nothing holds the old one.
		t.Host("kill", "-9", p.Pid("d"))
		p.Restarted("d", status(p.seen, "d").RestartCount+1)
		t.Until("one sandbox, and no more dead containers than have just died", func() (bool, string) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			mine := map[string]string{"io.kubernetes.pod.uid": p.uid()}
			containers, err := t.cri().ListContainers(ctx, &runtime.ListContainersRequest{Filter: &runtime.ContainerFilter{LabelSelector: mine}})
			must(err)
			sandboxes, err := t.cri().ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{Filter: &runtime.PodSandboxFilter{LabelSelector: mine}})
			must(err)
			dead := map[string]int{}
			for _, c := range containers.Containers {
				if c.State == runtime.ContainerState_CONTAINER_EXITED {
					dead[c.Metadata.Name]++
				}
			}
			return dead["c"] <= 2 && dead["d"] == 1 && len(sandboxes.Items) == 1, fmt.Sprintf("%v, %d sandboxes", dead, len(sandboxes.Items))
		})
	}},
	{what: "an orphan's cgroup and processes go: a pod whose file was taken away while the kubelet was off", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		must(t.StopKubelet())
		p.Delete()
		must(t.StartKubelet(t.settings))
		t.Until("its cgroups and its folder go", func() (bool, string) {
			left := podCgroups(p.uid())
			if _, err := os.Stat(t.path("kubelet/pods", p.uid())); err == nil {
				left = append(left, "its folder")
			}
			return len(left) == 0, strings.Join(left, " ")
		})
	}},
	{what: "disk pressure: unused images are collected first, and no pod is evicted if that is enough", run: func(t *T) {
		unused := t.unusedImage()
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		// Less than the image's size.
		t.fill(pressure - 2<<20)
		t.Until("the unused image goes", func() (bool, string) { return !t.hasImage(unused), "it is there" })
		Equal(t, "the image in use", t.hasImage(busybox), true)
		time.Sleep(12 * time.Second)
		Equal(t, "the pod's phase", p.Running().Status.Phase, v1.PodRunning)
	}},
	{what: "imageGCHighThresholdPercent: on a fuller disk unused images go, those in use stay, and no pod is evicted", run: func(t *T) {
		unused := t.unusedImage()
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		before := t.settings
		must(t.StopKubelet())
		var stat syscall.Statfs_t
		must(syscall.Statfs(t.dir, &stat))
		free := t.fill(int64(stat.Blocks) * stat.Bsize * 4 / 10)
		must(t.StartKubelet(Settings{config: map[string]any{"imageGCHighThresholdPercent": 50, "imageGCLowThresholdPercent": 1, "imageMinimumGCAge": "1ms"}}))
		// A kubelet collects when it starts, but then all images are new to it; and after five minutes again.
		time.Sleep(5 * time.Minute)
		t.Until("the unused image goes", func() (bool, string) { return !t.hasImage(unused), "it is there" })
		Equal(t, "the image in use", t.hasImage(busybox), true)
		p.Running()
		Equal(t, "restarts", status(p.seen, "c").RestartCount, 0)
		free()
		must(t.StopKubelet())
		must(t.StartKubelet(before))
	}},
}}

// Below that many free bytes the kubelet of this stage has disk pressure.
const pressure = 1 << 30

var pressed = Settings{config: map[string]any{
	"evictionHard":                     map[string]string{"memory.available": "50Mi", "nodefs.available": fmt.Sprint(pressure), "imagefs.available": fmt.Sprint(pressure)},
	"evictionMinimumReclaim":           map[string]string{"nodefs.available": "0", "imagefs.available": "0"},
	"evictionPressureTransitionPeriod": "1s",
	"imageMinimumGCAge":                "1ms",
}}

// fill leaves so many bytes free on the node's disk, until free is called or the case ends.
func (t *T) fill(left int64) (free func()) {
	var stat syscall.Statfs_t
	must(syscall.Statfs(t.dir, &stat))
	path := filepath.Join(t.dir, "filler-"+t.tag)
	file, err := os.Create(path)
	must(err)
	defer file.Close()
	size := int64(stat.Bavail)*stat.Bsize - left
	if size <= 0 {
		t.Fail("the disk has only %d bytes free", int64(stat.Bavail)*stat.Bsize)
	}
	must(syscall.Fallocate(int(file.Fd()), 0, 0, size))
	free = func() { _ = os.Remove(path) }
	t.Defer(free)
	return free
}

// unusedImage pulls one that no pod runs, and returns its name.
func (t *T) unusedImage() string {
	name := "registry.k8s.io/e2e-test-images/nginx:1.14-2"
	ctx, cancel := context.WithTimeout(context.Background(), t.patience(60*time.Second))
	defer cancel()
	_, err := t.images().PullImage(ctx, &runtime.PullImageRequest{Image: &runtime.ImageSpec{Image: name}})
	must(err)
	return name
}

func (t *T) hasImage(name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := t.images().ImageStatus(ctx, &runtime.ImageStatusRequest{Image: &runtime.ImageSpec{Image: name}})
	must(err)
	return answer.Image != nil
}
