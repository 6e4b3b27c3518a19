package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"k8s.io/client-go/tools/remotecommand"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

const busyPod = `
	volumes: [{name: d, emptyDir: {}}]
	containers:
	- {name: c, sh: "dd if=/dev/zero of=/big bs=1M count=3; dd if=/dev/zero of=/d/big bs=1M count=5; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo logged; PAUSE",
	   volumeMounts: [{name: d, mountPath: /d}], resources: {requests: {cpu: 10m}, limits: {memory: 64Mi, cpu: 500m}}}`

// What the kubelet tells of its pods, with the numbers of containers from the runtime, those of pods from cAdvisor.
var reading = Group{"reading", []Case{
	{what: "/stats/summary: CPU, memory, writable layer, log, volume and ephemeral storage of a pod", run: func(t *T) {
		p := t.Pod(busyPod)
		p.Running()
		p.Logged("c", "logged")
		s := t.summary(p, func(s *stats.PodStats) bool {
			return len(s.Containers) == 1 && s.Containers[0].Rootfs != nil && value(s.Containers[0].Rootfs.UsedBytes) > 3_000_000 && s.EphemeralStorage != nil &&
				value(s.EphemeralStorage.UsedBytes) > 8_000_000 && s.Containers[0].CPU != nil && value(s.Containers[0].CPU.UsageCoreNanoSeconds) > 0
		})
		c := s.Containers[0]
		for what, number := range map[string]*uint64{
			"container CPU": c.CPU.UsageCoreNanoSeconds, "container memory": c.Memory.WorkingSetBytes,
			"container RSS": c.Memory.RSSBytes, "inodes of the writable layer": c.Rootfs.InodesUsed, "capacity": c.Rootfs.CapacityBytes,
			"available": c.Rootfs.AvailableBytes, "log": c.Logs.UsedBytes, "volume": s.VolumeStats[0].UsedBytes, "pod CPU": s.CPU.UsageCoreNanoSeconds,
			"pod memory": s.Memory.WorkingSetBytes,
		} {
			if value(number) == 0 {
				t.Fail("%s is missing or 0", what)
			}
		}
		if c.CPU.UsageNanoCores == nil {
			t.Fail("the CPU rate is missing")
		}
		if available := value(c.Memory.AvailableBytes); available == 0 || available > 64<<20 {
			t.Fail("available memory below a limit of 64 MiB: %d", available)
		}
	}},
	{what: "/metrics/resource: CPU and memory of pod and container, start time", run: func(t *T) {
		p := t.Pod(busyPod)
		p.Running()
		for _, name := range []string{"container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_start_time_seconds"} {
			t.metric("/metrics/resource", name, `container="c"`, `pod="`+p.fullName()+`"`)
		}
		for _, name := range []string{"pod_cpu_usage_seconds_total", "pod_memory_working_set_bytes"} {
			t.metric("/metrics/resource", name, `pod="`+p.fullName()+`"`)
		}
	}},
	{what: "/metrics/cadvisor has the pod's cgroup and the container's by its path", run: func(t *T) {
		p := t.Pod(busyPod)
		p.Running()
		t.metric("/metrics/cadvisor", "container_memory_working_set_bytes", p.id("c"))
		t.metric("/metrics/cadvisor", "container_cpu_usage_seconds_total", p.id("c"))
	}},
	{what: "logs: tail, since, timestamps, of the last run, and of a container that is not there", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "for i in 1 2 3 4 5; do echo line $i; done; if test -e /dev/shm/x; then PAUSE; fi; touch /dev/shm/x; exit 1"}]`)
		p.Restarted("c", 1)
		p.Logged("c", "line 5")
		Equal(t, "tail", p.LogWith("c", "tailLines=2"), "line 4\nline 5\n")
		Equal(t, "a long time ago", p.LogWith("c", "sinceSeconds=3600"), "line 1\nline 2\nline 3\nline 4\nline 5\n")
		if stamped := p.LogWith("c", "timestamps=true&tailLines=1"); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d) line 5\n$`).MatchString(stamped) {
			t.Fail("with time stamps: %q", stamped)
		}
		Equal(t, "the last run's", p.LogWith("c", "previous=true&tailLines=1"), "line 5\n")
		Equal(t, "bounded", p.LogWith("c", "limitBytes=6"), "line 1")
		if _, err := t.get("/containerLogs/default/" + p.fullName() + "/absent"); err == nil {
			t.Fail("a container that is not there has a log")
		}
	}},
	{what: "logs followed over three rotations: nothing is lost or doubled, in the stream and in the files", run: func(t *T) {
		const lines = 9000
		// 9000 lines of some 40 bytes are five times the size at which a log is rotated.
		p := t.Pod(fmt.Sprintf(`
			containers: [{name: c, sh: "echo begin; until test -e /tmp/go; do sleep 0.1; done; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo number $i xxxxxxxxxxxxxxxx; [ $((i %% 450)) != 0 ] || sleep 1; done; echo the end; PAUSE"}]`, lines))
		p.Running()
		response, err := t.client.Get(t.url("/containerLogs/default/" + p.fullName() + "/c?follow=true"))
		must(err)
		defer response.Body.Close()
		// Only what is rotated while it is followed is in the stream.
		begin := make([]byte, len("begin\n"))
		_, err = io.ReadFull(response.Body, begin)
		must(err)
		p.Sh("c", "touch /tmp/go")
		var followed bytes.Buffer
		for buffer := make([]byte, 32<<10); !bytes.Contains(followed.Bytes(), []byte("the end")); {
			count, err := response.Body.Read(buffer)
			followed.Write(buffer[:count])
			if err != nil {
				t.Fail("the stream ends after %d lines: %v", bytes.Count(followed.Bytes(), []byte("\n")), err)
			}
		}
		Equal(t, "the stream", missing(followed.String(), lines), "")
		files, text := p.logFiles("c")
		if len(files) < 4 {
			t.Fail("only %d files: %v", len(files), files)
		}
		Equal(t, "the files", missing(text, lines), "")
	}},
	{what: "exec by SPDY and by WebSocket: input, both streams apart, exit code, terminal", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		for _, protocol := range protocols {
			var out, errors bytes.Buffer
			code, err := p.Stream(protocol, "exec", "c", url.Values{"command": {"sh", "-c", "cat; echo to stderr >&2; exit 42"}},
				remotecommand.StreamOptions{Stdin: strings.NewReader("from stdin"), Stdout: &out, Stderr: &errors})
			if err != nil {
				t.Fail("%s: %v", protocol, err)
			}
			Equal(t, string(protocol)+", stdout", out.String(), "from stdin")
			Equal(t, string(protocol)+", stderr", errors.String(), "to stderr\n")
			Equal(t, string(protocol)+", exit code", code, 42)
			out.Reset()
			_, err = p.Stream(protocol, "exec", "c", url.Values{"command": {"sh", "-c", "sleep 1; tty; stty size"}},
				remotecommand.StreamOptions{Stdin: strings.NewReader(""), Stdout: &out, Tty: true, TerminalSizeQueue: &size{remotecommand.TerminalSize{Width: 123, Height: 45}}})
			if err != nil {
				t.Fail("%s with a terminal: %v", protocol, err)
			}
			t.Contains(string(protocol)+", the terminal", out.String(), "/dev/pts/")
			t.Contains(string(protocol)+", its size", out.String(), "45 123")
		}
	}},
	{what: "exec of 20 MB each way by SPDY and by WebSocket", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		sent := bytes.Repeat([]byte("0123456789abcdef"), 20<<16)
		for _, protocol := range protocols {
			var out bytes.Buffer
			_, err := p.Stream(protocol, "exec", "c", url.Values{"command": {"cat"}}, remotecommand.StreamOptions{Stdin: bytes.NewReader(sent), Stdout: &out})
			if err != nil {
				t.Fail("%s: %v", protocol, err)
			}
			Equal(t, string(protocol)+", what came back", bytes.Equal(out.Bytes(), sent), true)
		}
	}},
	{what: "attach by SPDY and by WebSocket, to stdin too", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, stdin: true, sh: "while read line; do echo heard $line; done; PAUSE"}]`)
		p.Running()
		for _, protocol := range protocols {
			reader, writer := io.Pipe()
			var out both
			// The container goes on, and so does the stream until its input ends.
			go func() {
				_, _ = p.Stream(protocol, "attach", "c", url.Values{}, remotecommand.StreamOptions{Stdin: reader, Stdout: &out})
			}()
			go func() { fmt.Fprintln(writer, "by", protocol) }()
			t.Until("an answer by "+string(protocol), func() (bool, string) {
				return strings.Contains(out.String(), "heard by "+string(protocol)), out.String()
			})
			writer.Close()
		}
	}},
	{what: "port-forward by SPDY and by WebSocket, several connections at a time", run: func(t *T) {
		p := t.tooled("tcp 8080", "")
		p.Running()
		for _, protocol := range protocols {
			local, end := p.Forward(protocol, "8080")
			address := fmt.Sprintf("127.0.0.1:%d", local)
			t.Contains(string(protocol), t.ask("tcp", address, "x\n"), "hello")
			answers := make(chan error, 8)
			for i := range 8 {
				go func() { answers <- echo(address, fmt.Sprintf("line %d", i)) }()
			}
			for range 8 {
				if err := <-answers; err != nil {
					t.Fail("%s: %v", protocol, err)
				}
			}
			end()
		}
	}},
	{what: "/pods tells ids, image, address, start and states as the runtime does", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		s := status(p.Running(), "c")
		cri := p.CRI("c")
		Equal(t, "id", s.ContainerID, "gantry://"+cri.Id)
		Equal(t, "start", s.State.Running.StartedAt.Unix(), cri.StartedAt/1e9)
		Equal(t, "image", s.Image, busybox)
		t.Contains("image id", s.ImageID, "sha256:")
	}},
}}

// With PodAndContainerStatsFromCRI everything comes from the runtime.
var statsFromCRI = Group{"stats from the CRI", []Case{
	{what: "/stats/summary has the pod's network and process count too", run: func(t *T) {
		p := t.Pod(busyPod)
		p.Running()
		p.Logged("c", "logged")
		s := t.summary(p, func(s *stats.PodStats) bool {
			return s.Network != nil && s.ProcessStats != nil && len(s.Containers) == 1 && s.Containers[0].Rootfs != nil && value(s.Containers[0].Rootfs.UsedBytes) > 3_000_000
		})
		Equal(t, "interface", s.Network.Name, "eth0")
		for what, number := range map[string]*uint64{
			"processes": s.ProcessStats.ProcessCount, "pod CPU": s.CPU.UsageCoreNanoSeconds, "pod memory": s.Memory.WorkingSetBytes,
			"container CPU": s.Containers[0].CPU.UsageCoreNanoSeconds, "container memory": s.Containers[0].Memory.WorkingSetBytes,
		} {
			if value(number) == 0 {
				t.Fail("%s is missing or 0", what)
			}
		}
		if s.Network.RxBytes == nil || s.Network.TxBytes == nil {
			t.Fail("no bytes of the network: %v", s.Network)
		}
	}},
	{what: "/metrics/cadvisor has rows with pod, container and image, network and file system", run: func(t *T) {
		p := t.Pod(busyPod)
		p.Running()
		pod := `pod="` + p.fullName() + `"`
		for _, name := range []string{"container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_fs_usage_bytes", "container_processes"} {
			t.metric("/metrics/cadvisor", name, `container="c"`, pod)
		}
		for _, name := range []string{"container_network_receive_bytes_total", "container_network_transmit_bytes_total"} {
			t.metric("/metrics/cadvisor", name, pod, `interface="eth0"`)
		}
	}},
	{what: "/metrics/resource has pod and container", run: func(t *T) {
		p := t.Pod(busyPod)
		p.Running()
		t.metric("/metrics/resource", "container_cpu_usage_seconds_total", `container="c"`, p.fullName())
		t.metric("/metrics/resource", "pod_memory_working_set_bytes", p.fullName())
	}},
}}

func value(number *uint64) uint64 {
	if number == nil {
		return 0
	}
	return *number
}

// summary returns what /stats/summary tells of the pod once it is as wanted.
func (t *T) summary(p *Pod, ok func(*stats.PodStats) bool) *stats.PodStats {
	var found *stats.PodStats
	t.Until("/stats/summary tells all of "+p.fullName(), func() (bool, string) {
		text, err := t.get("/stats/summary")
		if err != nil {
			return false, err.Error()
		}
		summary := &stats.Summary{}
		must(json.Unmarshal([]byte(text), summary))
		for i := range summary.Pods {
			if summary.Pods[i].PodRef.Name == p.fullName() {
				found = &summary.Pods[i]
				text, _ := json.Marshal(found)
				return ok(found), string(text)
			}
		}
		return false, "no such pod"
	})
	return found
}

// metric waits for a line of that name with all parts in it.
func (t *T) metric(path, name string, parts ...string) {
	t.Until(path+" has "+name+" of "+strings.Join(parts, " "), func() (bool, string) {
		text, err := t.get(path)
		if err != nil {
			return false, err.Error()
		}
		some := "nothing of that name"
	lines:
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, name+"{") {
				some = line
				for _, part := range parts {
					if !strings.Contains(line, part) {
						continue lines
					}
				}
				return true, line
			}
		}
		return false, some
	})
}

// missing names the first number of the log that does not stand once, and in its place.
func missing(log string, count int) string {
	next := 1
	for line := range strings.Lines(log) {
		var number int
		if _, err := fmt.Sscanf(line, "number %d ", &number); err != nil {
			continue
		}
		if number != next {
			return fmt.Sprintf("%d follows %d", number, next-1)
		}
		next++
	}
	if next != count+1 {
		return fmt.Sprintf("it ends with %d", next-1)
	}
	return ""
}

// logFiles are a container's log files in the order of time, and their text without the runtime's marks.
func (p *Pod) logFiles(container string) ([]string, string) {
	dir := p.t.path("podlogs", "default_"+p.fullName()+"_"+p.uid(), container)
	entries, err := os.ReadDir(dir)
	must(err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	// 0.log.TIME and 0.log.TIME.gz come before 0.log.
	sort.Slice(names, func(i, j int) bool { return names[i]+"~" < names[j]+"~" })
	var text strings.Builder
	for _, name := range names {
		file, err := os.Open(filepath.Join(dir, name))
		must(err)
		var reader io.Reader = file
		if strings.HasSuffix(name, ".gz") {
			reader, err = gzip.NewReader(file)
			must(err)
		}
		content, err := io.ReadAll(reader)
		must(err)
		file.Close()
		for line := range strings.Lines(string(content)) {
			if fields := strings.SplitN(line, " ", 4); len(fields) == 4 {
				text.WriteString(fields[3])
			}
		}
	}
	return names, text.String()
}

func echo(address, line string) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	fmt.Fprintln(connection, line)
	buffer := make([]byte, 100)
	for got := ""; ; {
		count, err := connection.Read(buffer)
		if got += string(buffer[:count]); strings.Contains(got, line) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%q came back of %q: %w", got, line, err)
		}
	}
}

type size struct{ next remotecommand.TerminalSize }

func (s *size) Next() *remotecommand.TerminalSize {
	if s.next.Width == 0 {
		return nil
	}
	size := s.next
	s.next.Width = 0
	return &size
}
