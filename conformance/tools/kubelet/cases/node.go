package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	v1 "k8s.io/api/core/v1"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
	"sigs.k8s.io/yaml"
)

const hostname = "node1"

// Settings are keys of the kubelet's configuration that a stage wants beside the usual ones.
type Settings struct {
	gates  map[string]bool
	config map[string]any
	// Whether there is an API server, so that pods are not static.
	cluster bool
}

// Node is a daemon with a kubelet and all that belongs to them, below one folder.
type Node struct {
	dir, program, scripts, driver string
	scale                         float64
	port                          int
	kubelet                       *exec.Cmd
	ended                         chan struct{}
	client                        *http.Client
	criConn                       *grpc.ClientConn
	settings                      Settings
	api                           *API

	lock    sync.Mutex
	pods    map[string]*v1.Pod
	changed chan struct{}
	polling context.CancelFunc
	uids    map[string]bool
}

func NewNode(dir, program, scripts, driver string, scale float64) *Node {
	n := &Node{dir: dir, program: program, scripts: scripts, driver: driver, scale: scale, uids: map[string]bool{}, changed: make(chan struct{})}
	for _, folder := range []string{"manifests", "kubelet/seccomp", "podlogs", "plugins", "share"} {
		must(os.MkdirAll(filepath.Join(dir, folder), 0o755))
	}
	must(os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver 192.0.2.53\nsearch node.example\noptions ndots:3\n"), 0o644))
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	n.client = &http.Client{Transport: transport}
	conn, err := grpc.NewClient("unix://"+n.socket(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	must(err)
	n.criConn = conn
	return n
}

func (n *Node) socket() string { return filepath.Join(n.dir, "gantry.sock") }
func (n *Node) path(parts ...string) string {
	return filepath.Join(append([]string{n.dir}, parts...)...)
}
func (n *Node) cri() runtime.RuntimeServiceClient      { return runtime.NewRuntimeServiceClient(n.criConn) }
func (n *Node) images() runtime.ImageServiceClient     { return runtime.NewImageServiceClient(n.criConn) }
func (n *Node) patience(d time.Duration) time.Duration { return time.Duration(float64(d) * n.scale) }

// backOff is what a kubelet waits at most before it starts a container again: longer than it needs to see the end, so that the wait can be seen.
func (n *Node) backOff() time.Duration {
	return time.Duration(3 * n.scale * n.scale * float64(time.Second))
}

func v2() bool { _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); return err == nil }

// ---- The kubelet

func (n *Node) configuration(s Settings) []byte {
	config := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication":               map[string]any{"anonymous": map[string]any{"enabled": true}, "webhook": map[string]any{"enabled": false}},
		"authorization":                map[string]any{"mode": "AlwaysAllow"},
		"address":                      "127.0.0.1",
		"port":                         n.port,
		"readOnlyPort":                 0,
		"healthzPort":                  0,
		"staticPodPath":                n.path("manifests"),
		"fileCheckFrequency":           "5s",
		"syncFrequency":                "10s",
		"containerRuntimeEndpoint":     "unix://" + n.socket(),
		"cgroupDriver":                 n.driver,
		"failCgroupV1":                 v2(),
		"failSwapOn":                   false,
		"podLogsDir":                   n.path("podlogs"),
		"volumePluginDir":              n.path("plugins"),
		"resolvConf":                   n.path("resolv.conf"),
		"clusterDNS":                   []string{"10.96.0.10"},
		"clusterDomain":                "cluster.local",
		"enableControllerAttachDetach": false,
		"registerNode":                 s.cluster,
		"contentType":                  "application/json",
		"oomScoreAdj":                  0,
		"maxPods":                      250,
		"podPidsLimit":                 600,
		"serializeImagePulls":          false,
		"registryPullQPS":              0,
		"eventRecordQPS":               0,
		"containerLogMaxSize":          "64Ki",
		"containerLogMaxFiles":         20,
		"containerLogMonitorInterval":  "3s",
		"allowedUnsafeSysctls":         []string{"net.core.somaxconn"},
		"crashLoopBackOff":             map[string]any{"maxContainerRestartPeriod": n.backOff().String()},
		"evictionHard":                 map[string]string{"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
		"imageGCHighThresholdPercent":  100,
		"imageGCLowThresholdPercent":   99,
	}
	if v2() {
		config["memorySwap"] = map[string]any{"swapBehavior": "LimitedSwap"}
	}
	maps.Copy(config, s.config)
	gates := map[string]bool{"KubeletCrashLoopBackOffMax": true, "ContainerStopSignals": true}
	maps.Copy(gates, s.gates)
	config["featureGates"] = gates
	text, err := yaml.Marshal(config)
	must(err)
	return text
}

// StartKubelet returns when its port answers.
func (n *Node) StartKubelet(s Settings) error {
	if n.port == 0 {
		n.port = freePort()
	}
	n.settings = s
	must(os.WriteFile(n.path("kubelet.yaml"), n.configuration(s), 0o644))
	log, err := os.OpenFile(n.path("kubelet.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(err)
	defer log.Close()
	arguments := []string{"--config", n.path("kubelet.yaml"), "--root-dir", n.path("kubelet"), "--cert-dir", n.path("certs"), "--hostname-override", hostname, "-v", "2"}
	if s.cluster {
		if n.api == nil {
			n.api = NewAPI()
		}
		must(os.WriteFile(n.path("kubeconfig"), n.api.kubeconfig(), 0o600))
		arguments = append(arguments, "--kubeconfig", n.path("kubeconfig"))
	}
	n.kubelet = exec.Command(n.program, arguments...)
	n.kubelet.Stdout, n.kubelet.Stderr = log, log
	n.kubelet.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := n.kubelet.Start(); err != nil {
		return err
	}
	must(os.WriteFile(n.path("kubelet.pid"), fmt.Appendln(nil, n.kubelet.Process.Pid), 0o644))
	ended := make(chan struct{})
	n.ended = ended
	go func(c *exec.Cmd) { _ = c.Wait(); close(ended) }(n.kubelet)
	deadline := time.Now().Add(n.patience(60 * time.Second))
	for {
		if _, err := n.list(); err == nil {
			break
		}
		select {
		case <-ended:
			return fmt.Errorf("it ended at once: %s", n.lastLog())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer on port %d: %s", n.port, n.lastLog())
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.polling = cancel
	go n.poll(ctx)
	return nil
}

func (n *Node) lastLog() string {
	text, _ := os.ReadFile(n.path("kubelet.log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}

// StopKubelet ends it as systemd would; an end that it did not come to by this is an error.
func (n *Node) StopKubelet() error { return n.endKubelet(syscall.SIGTERM) }

func (n *Node) endKubelet(signal syscall.Signal) error {
	if n.kubelet == nil {
		return nil
	}
	n.polling()
	select {
	case <-n.ended:
		n.kubelet = nil
		return fmt.Errorf("the kubelet has ended by itself: %s", n.lastLog())
	default:
	}
	_ = n.kubelet.Process.Signal(signal)
	<-n.ended
	n.kubelet = nil
	return nil
}

func (n *Node) url(path string) string { return fmt.Sprintf("https://127.0.0.1:%d%s", n.port, path) }

// get asks the kubelet's port.
func (n *Node) get(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), n.patience(30*time.Second))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url(path), nil)
	if err != nil {
		return "", err
	}
	response, err := n.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, response.Status, bytes.TrimSpace(body))
	}
	return string(body), err
}

func (n *Node) list() (*v1.PodList, error) {
	text, err := n.get("/pods")
	if err != nil {
		return nil, err
	}
	list := &v1.PodList{}
	return list, json.Unmarshal([]byte(text), list)
}

// poll keeps what /pods tells, for all cases together.
func (n *Node) poll(ctx context.Context) {
	for ctx.Err() == nil {
		if list, err := n.list(); err == nil && ctx.Err() == nil {
			pods := map[string]*v1.Pod{}
			for i := range list.Items {
				pod := &list.Items[i]
				pods[pod.Name] = pod
			}
			n.lock.Lock()
			n.pods = pods
			for _, pod := range pods {
				n.uids[string(pod.UID)] = true
			}
			close(n.changed)
			n.changed = make(chan struct{})
			n.lock.Unlock()
		}
		time.Sleep(n.patience(200 * time.Millisecond))
	}
}

// fullName is what a pod is called: a static one bears the node's name too.
func (n *Node) fullName(name string) string {
	if n.settings.cluster {
		return name
	}
	return name + "-" + hostname
}

// pod is what /pods told last of it, or nil, and a channel that closes with the next answer.
func (n *Node) pod(name string) (*v1.Pod, <-chan struct{}) {
	n.lock.Lock()
	defer n.lock.Unlock()
	return n.pods[n.fullName(name)], n.changed
}

// ---- The daemon

func (n *Node) gantryPid() int {
	text, err := os.ReadFile(n.path("pid"))
	must(err)
	var pid int
	_, err = fmt.Sscan(string(text), &pid)
	must(err)
	return pid
}

func (n *Node) EndGantry(signal syscall.Signal) {
	pid := n.gantryPid()
	must(syscall.Kill(pid, signal))
	for syscall.Kill(pid, 0) == nil {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (n *Node) StartGantry() {
	out, err := exec.Command(filepath.Join(n.scripts, "daemon.sh"), n.dir).CombinedOutput()
	if err != nil {
		panic(failure(fmt.Sprintf("the daemon does not start: %v: %s", err, out)))
	}
}

// End takes the kubelet's pods away and tells what is left of them.
func (n *Node) End(r *Run) {
	if len(n.uids) == 0 {
		return
	}
	must(os.RemoveAll(n.path("manifests")))
	must(os.Mkdir(n.path("manifests"), 0o755))
	if err := n.StartKubelet(Settings{}); err != nil {
		r.fail("the end", err.Error())
		return
	}
	var left []string
	for deadline := time.Now().Add(n.patience(120 * time.Second)); ; time.Sleep(500 * time.Millisecond) {
		if left = n.leftovers(); len(left) == 0 {
			r.passed++
			fmt.Fprintln(os.Stderr, "ok      the end: no pod, cgroup, volume or log of the kubelet's is left")
			break
		}
		if time.Now().After(deadline) {
			r.fail("the end: no pod, cgroup, volume or log of the kubelet's is left", strings.Join(left, ", "))
			break
		}
	}
	if err := n.StopKubelet(); err != nil {
		r.fail("the end", err.Error())
	}
}

// leftovers are what pods that are gone have left: containers that run, cgroups, folders of the kubelet, mounts.
func (n *Node) leftovers() []string {
	var left []string
	if list, err := n.list(); err != nil || len(list.Items) > 0 {
		left = append(left, "pods in /pods")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ready := &runtime.PodSandboxFilter{State: &runtime.PodSandboxStateValue{State: runtime.PodSandboxState_SANDBOX_READY}}
	if answer, err := n.cri().ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{Filter: ready}); err != nil {
		left = append(left, err.Error())
	} else {
		for _, item := range answer.Items {
			left = append(left, "sandbox "+item.Metadata.Name)
		}
	}
	for uid := range n.uids {
		for _, dir := range podCgroups(uid) {
			left = append(left, dir)
		}
		if _, err := os.Stat(n.path("kubelet/pods", uid)); err == nil {
			left = append(left, n.path("kubelet/pods", uid))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(err)
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); strings.HasPrefix(fields[4], n.path("kubelet")+"/pods/") {
			left = append(left, "mount "+fields[4])
		}
	}
	return left
}

// podCgroups are the folders of a pod's cgroup in all hierarchies.
func podCgroups(uid string) []string {
	var found []string
	slice := "pod" + strings.ReplaceAll(uid, "-", "_") + ".slice"
	for _, root := range []string{"", "*/"} {
		for _, pattern := range []string{"kubepods/pod" + uid, "kubepods/*/pod" + uid, "kubepods.slice/kubepods-" + slice, "kubepods.slice/*/kubepods-*-" + slice} {
			dirs, _ := filepath.Glob("/sys/fs/cgroup/" + root + pattern)
			found = append(found, dirs...)
		}
	}
	return found
}

func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func must(err error) {
	if err != nil {
		panic(failure(err.Error()))
	}
}
