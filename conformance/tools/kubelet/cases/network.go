package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

var network = Group{"network", []Case{
	{what: "a pod has an address of each family that the network gives, and its containers share localhost", run: func(t *T) {
		p := t.tooled("http 8080", "")
		pod := p.Running()
		addresses := p.Sh("c", "ip -o address show dev eth0")
		for _, ip := range pod.Status.PodIPs {
			t.Contains("eth0", addresses, ip.IP+"/")
		}
		Equal(t, "addresses", len(pod.Status.PodIPs), 2)
		if !strings.Contains(pod.Status.PodIPs[1].IP, ":") {
			t.Fail("the second address is not IPv6: %v", pod.Status.PodIPs)
		}
		p.Sh("c", "wget -qO- http://127.0.0.1:8080/")
		for _, ip := range pod.Status.PodIPs {
			t.Contains("answer to the host", t.ask("tcp", net.JoinHostPort(ip.IP, "8080"), "GET / HTTP/1.0\r\n\r\n"), "ok from")
		}
	}},
	{what: "pod to pod over IPv4 and IPv6, and pod to host", run: func(t *T) {
		server, client := t.tooled("http 8080", ""), t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		server.Running()
		client.Running()
		for _, ip := range server.seen.Status.PodIPs {
			t.Contains("answer of "+ip.IP, client.Sh("c", fmt.Sprintf("wget -qO- http://%s/", net.JoinHostPort(ip.IP, "8080"))), "ok from")
		}
		listener, err := net.Listen("tcp", "0.0.0.0:0")
		must(err)
		defer listener.Close()
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				fmt.Fprintln(connection, "the host")
				connection.Close()
			}
		}()
		gateway := client.Sh("c", "ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'")
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		t.Contains("answer of the host", client.Sh("c", "nc -w 5 "+gateway+" "+port+" </dev/null"), "the host")
	}},
	{what: "hostPort by TCP and UDP, closed when the pod is gone", run: func(t *T) {
		port := freePort()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: tool, hostPath: {path: %s}}]
			containers:
			- {name: tcp, command: [/tool, serve, tcp, "8080"], ports: [{containerPort: 8080, hostPort: %d}], volumeMounts: [{name: tool, mountPath: /tool}]}
			- {name: udp, command: [/tool, serve, udp, "8080"], ports: [{containerPort: 8080, hostPort: %d, protocol: UDP}], volumeMounts: [{name: tool, mountPath: /tool}]}`,
			t.tool(), port, port))
		p.Running()
		address := fmt.Sprintf("127.0.0.1:%d", port)
		t.Contains("TCP", t.ask("tcp", address, "x\n"), "hello")
		t.Equals("UDP", func() string { return t.try("udp", address, "packet") }, "packet")
		p.Gone()
		t.Equals("TCP when it is gone", func() string { return t.try("tcp", address, "x\n") }, "")
	}},
	{what: "hostPort over IPv6, at the host's address on the pods' bridge", run: func(t *T) {
		port := freePort()
		p := t.Pod(fmt.Sprintf(`
			volumes: [{name: tool, hostPath: {path: %s}}]
			containers:
			- {name: c, command: [/tool, serve, tcp, "8080"], ports: [{containerPort: 8080, hostPort: %d}], volumeMounts: [{name: tool, mountPath: /tool}]}`, t.tool(), port))
		p.Running()
		gateway := p.Sh("c", "ip -6 route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'")
		t.Contains("the answer", t.ask("tcp", net.JoinHostPort(gateway, fmt.Sprint(port)), "x\n"), "hello")
	}},
	{what: "hostPort on one address of the host only", run: func(t *T) {
		port := freePort()
		t.Pod(fmt.Sprintf(`
			volumes: [{name: tool, hostPath: {path: %s}}]
			containers:
			- {name: c, command: [/tool, serve, tcp, "8080"], ports: [{containerPort: 8080, hostPort: %d, hostIP: 127.0.0.2}], volumeMounts: [{name: tool, mountPath: /tool}]}`, t.tool(), port)).Running()
		t.Contains("the address", t.ask("tcp", fmt.Sprintf("127.0.0.2:%d", port), "x\n"), "hello")
		Equal(t, "another address", t.try("tcp", fmt.Sprintf("127.0.0.1:%d", port), "x\n"), "")
	}},
	{what: "hostNetwork: the host's network namespace and host name", run: func(t *T) {
		p := t.Pod(`
			hostNetwork: true
			containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		ours := readlink("/proc/self/ns/net")
		name, err := os.Hostname()
		must(err)
		Equal(t, "namespace", p.Sh("c", "readlink /proc/self/ns/net"), ours)
		Equal(t, "host name", p.Sh("c", "hostname"), name)
	}},
	{what: "resolv.conf of each dnsPolicy", run: func(t *T) {
		pods := map[string]*Pod{}
		for _, policy := range []string{"ClusterFirst", "Default", "ClusterFirstWithHostNet"} {
			pods[policy] = t.Pod(fmt.Sprintf(`
				dnsPolicy: %s
				hostNetwork: %v
				containers: [{name: c, sh: "PAUSE"}]`, policy, policy == "ClusterFirstWithHostNet"))
		}
		pods["None"] = t.Pod(`
			dnsPolicy: None
			dnsConfig: {nameservers: [192.0.2.7], searches: [one.example, two.example], options: [{name: ndots, value: "2"}, {name: edns0}]}
			containers: [{name: c, sh: "PAUSE"}]`)
		cluster := "search default.svc.cluster.local svc.cluster.local cluster.local node.example\nnameserver 10.96.0.10\noptions ndots:5"
		for policy, want := range map[string]string{
			"ClusterFirst": cluster, "ClusterFirstWithHostNet": cluster,
			"Default": "search node.example\nnameserver 192.0.2.53\noptions ndots:3",
			"None":    "search one.example two.example\nnameserver 192.0.2.7\noptions ndots:2 edns0",
		} {
			pods[policy].Running()
			got := pods[policy].Sh("c", "cat /etc/resolv.conf")
			// The kubelet merges options in a map, so their order is any.
			if policy == "None" {
				got = strings.Replace(got, "options edns0 ndots:2", "options ndots:2 edns0", 1)
			}
			Equal(t, policy, sorted(got), sorted(want))
		}
	}},
	{what: "hostAliases and the pod's own name in /etc/hosts, which containers may write", run: func(t *T) {
		p := t.Pod(`
			hostAliases: [{ip: 192.0.2.9, hostnames: [alias.example, other.example]}]
			containers: [{name: c, sh: "PAUSE"}, {name: d, sh: "PAUSE"}]`)
		p.Running()
		hosts := p.Sh("c", "cat /etc/hosts")
		t.Contains("/etc/hosts", hosts, "192.0.2.9\talias.example\tother.example")
		t.Contains("/etc/hosts", hosts, p.seen.Status.PodIP+"\t"+p.Sh("c", "hostname"))
		p.Sh("c", "echo 192.0.2.10 written >>/etc/hosts")
		t.Contains("the other container's", p.Sh("d", "cat /etc/hosts"), "written")
	}},
	{what: "hostname, subdomain and setHostnameAsFQDN", run: func(t *T) {
		short := t.Pod(`
			hostname: web
			subdomain: sub
			containers: [{name: c, sh: "PAUSE"}]`)
		full := t.Pod(`
			hostname: web
			subdomain: sub
			setHostnameAsFQDN: true
			containers: [{name: c, sh: "PAUSE"}]`)
		short.Running()
		full.Running()
		Equal(t, "host name", short.Sh("c", "hostname"), "web")
		Equal(t, "the whole name", short.Sh("c", "hostname -f"), "web.sub.default.svc.cluster.local")
		Equal(t, "as FQDN", full.Sh("c", "hostname; cat /etc/hostname; echo $HOSTNAME"), strings.TrimSpace(strings.Repeat("web.sub.default.svc.cluster.local\n", 3)))
	}},
	{what: "sysctls of the pod: a safe one and one that the kubelet allows", run: func(t *T) {
		p := t.Pod(`
			securityContext: {sysctls: [{name: net.ipv4.ip_local_port_range, value: "20000 30000"}, {name: net.core.somaxconn, value: "321"}]}
			containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		Equal(t, "values", p.Sh("c", "tr '\\t' ' ' </proc/sys/net/ipv4/ip_local_port_range; cat /proc/sys/net/core/somaxconn"), "20000 30000\n321")
	}},
	{what: "a container that is restarted keeps the pod's address and sandbox", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "sleep 2; exit 1"}]`)
		before := p.Running().Status.PodIP
		p.Restarted("c", 1)
		Equal(t, "address", p.seen.Status.PodIP, before)
	}},
	{what: "a pod whose sandbox ends is made anew with another address", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		before := p.id("c")
		t.stopSandbox(p)
		p.Wait("another container", func(pod *v1.Pod) bool {
			s := status(pod, "c")
			return s.State.Running != nil && !strings.HasSuffix(s.ContainerID, before)
		})
		Equal(t, "the address in the pod", strings.Contains(p.Sh("c", "ip -o address show dev eth0"), p.seen.Status.PodIP+"/"), true)
	}},
}}

// Equals asks until the answer is the one wanted.
func (t *T) Equals(what string, ask func() string, want string) {
	t.Until(what, func() (bool, string) { got := ask(); return got == want, got })
}

// ask asks a server that may still be starting, and returns its answer.
func (t *T) ask(protocol, address, question string) string {
	var answer string
	t.Until("an answer of "+protocol+" "+address, func() (bool, string) { answer = t.try(protocol, address, question); return answer != "", "none" })
	return answer
}

// try returns what a server sends in answer to a question, or nothing.
func (t *T) try(protocol, address, question string) string {
	connection, err := net.DialTimeout(protocol, address, 2*time.Second)
	if err != nil {
		return ""
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := connection.Write([]byte(question)); err != nil {
		return ""
	}
	buffer := make([]byte, 4096)
	count, _ := bufio.NewReader(connection).Read(buffer)
	answer := string(buffer[:count])
	if strings.HasPrefix(answer, "HTTP/") {
		more, _ := connection.Read(buffer)
		answer += string(buffer[:more])
	}
	return answer
}

func sorted(text string) string {
	var kept []string
	for _, word := range []string{"search ", "nameserver ", "options "} {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, word) {
				kept = append(kept, strings.TrimSpace(line))
			}
		}
	}
	return strings.Join(kept, "\n")
}
