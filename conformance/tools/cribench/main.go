// The cribench program times calls of the CRI that critest's benchmark does not: ExecSync, pulls, and pods without a network.
// It prints one line per sample: NAME, a tab, and milliseconds; memory in KiB.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type bench struct {
	runtime cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	image   string
	samples int
}

func main() {
	socket := flag.String("socket", "", "path of the runtime's socket")
	image := flag.String("image", "", "a busybox image")
	many := flag.String("many", "", "the image to pull for PullImage")
	samples := flag.Int("samples", 40, "samples of each call")
	pods := flag.Int("pods", 110, "pods to hold for the measurement of memory")
	shimDir := flag.String("shims", "", "processes with this text in their command line, but for -daemon's, are the shims")
	daemon := flag.Int("daemon", 0, "process id of the daemon")
	flag.Parse()
	connection, err := grpc.NewClient("unix://"+*socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	b := bench{cri.NewRuntimeServiceClient(connection), cri.NewImageServiceClient(connection), *image, *samples}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	check(b.pull(ctx, b.image))
	b.execSync(ctx)
	b.hostNetworkPods(ctx)
	b.memory(ctx, *pods, *shimDir, *daemon)
	if *many != "" {
		b.pulls(ctx, *many)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cribench:", err)
		os.Exit(1)
	}
}

func timed(name string, call func() error) {
	start := time.Now()
	check(call())
	fmt.Printf("%s\t%.3f\n", name, float64(time.Since(start).Microseconds())/1000)
}

func (b bench) pull(ctx context.Context, reference string) error {
	_, err := b.images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: reference}})
	return err
}

// In the host's network, so that no CNI plugin's time counts.
func podConfig(name string) *cri.PodSandboxConfig {
	return &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: name, Namespace: "bench", Uid: name},
		Linux: &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{
			NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE},
		}},
	}
}

func (b bench) runPod(ctx context.Context, config *cri.PodSandboxConfig) string {
	answer, err := b.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config})
	check(err)
	return answer.PodSandboxId
}

func (b bench) removePod(ctx context.Context, id string) {
	_, err := b.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	check(err)
	_, err = b.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
	check(err)
}

func (b bench) startContainer(ctx context.Context, pod string, config *cri.PodSandboxConfig) string {
	answer, err := b.runtime.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: pod, SandboxConfig: config,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "idle"}, Image: &cri.ImageSpec{Image: b.image}, Command: []string{"sleep", "1000000"},
			Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: config.Linux.SecurityContext.NamespaceOptions,
			}},
		},
	})
	check(err)
	_, err = b.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: answer.ContainerId})
	check(err)
	return answer.ContainerId
}

func (b bench) execSync(ctx context.Context) {
	config := podConfig("exec")
	pod := b.runPod(ctx, config)
	container := b.startContainer(ctx, pod, config)
	for i := range b.samples + 5 {
		name := "ExecSync"
		if i < 5 {
			name = "warm-up"
		}
		timed(name, func() error {
			_, err := b.runtime.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: container, Cmd: []string{"true"}, Timeout: 10})
			return err
		})
	}
	b.removePod(ctx, pod)
}

func (b bench) hostNetworkPods(ctx context.Context) {
	for i := range b.samples {
		config := podConfig(fmt.Sprint("host-", i))
		var id string
		timed("RunPodSandbox-host", func() error {
			id = b.runPod(ctx, config)
			return nil
		})
		timed("StopPodSandbox-host", func() error {
			_, err := b.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
			return err
		})
		timed("RemovePodSandbox-host", func() error {
			_, err := b.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
			return err
		})
	}
}

// Pods with one idle container each. What the container itself uses is not counted; the shim and the pod's init are.
func (b bench) memory(ctx context.Context, pods int, shimDir string, daemon int) {
	var ids []string
	for i := range pods {
		config := podConfig(fmt.Sprint("memory-", i))
		id := b.runPod(ctx, config)
		b.startContainer(ctx, id, config)
		ids = append(ids, id)
	}
	daemonMemory, err := memoryOf(daemon)
	check(err)
	fmt.Printf("daemon-pss\t%d\ndaemon-private\t%d\n", daemonMemory.pss, daemonMemory.private)
	shims, err := shimMemory(shimDir, daemon)
	check(err)
	if len(shims) == 0 {
		check(fmt.Errorf("no process has %s in its command line", shimDir))
	}
	total := daemonMemory.pss
	for _, shim := range shims {
		total += shim.private
		fmt.Printf("shim-pss\t%d\nshim-private\t%d\nshim-rss\t%d\n", shim.pss, shim.private, shim.rss)
	}
	fmt.Printf("node-total\t%d\n", total)
	for _, id := range ids {
		b.removePod(ctx, id)
	}
}

func (b bench) pulls(ctx context.Context, many string) {
	for range 3 {
		timed("PullImage-many", func() error { return b.pull(ctx, many) })
		_, err := b.images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: many}})
		check(err)
	}
}
