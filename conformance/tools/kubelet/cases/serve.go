package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	health_v1 "google.golang.org/grpc/health/grpc_health_v1"
)

// serve is what runs inside pods: it tells on stdout whatever it is asked, and ends at SIGTERM.
//
//	serve http PORT      200 "ok" on every path, but 503 on /health once /fail was asked; X-Probe is told too
//	serve tcp PORT       "hello", then every line back
//	serve udp PORT       every packet back
//	serve grpc PORT      gRPC's health service; it is NOT_SERVING once SIGUSR1 came
func serve(what string, args []string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() { <-signals; fmt.Println("got TERM"); os.Exit(0) }()
	address := "[::]:" + args[0]
	switch what {
	case "http":
		serveHTTP(address)
	case "tcp":
		listener, err := net.Listen("tcp", address)
		check(err)
		for {
			connection, err := listener.Accept()
			check(err)
			go func() {
				defer connection.Close()
				fmt.Fprintln(connection, "hello")
				for lines := bufio.NewScanner(connection); lines.Scan(); {
					fmt.Fprintln(connection, lines.Text())
				}
			}()
		}
	case "udp":
		connection, err := net.ListenPacket("udp", address)
		check(err)
		for buffer := make([]byte, 2048); ; {
			count, peer, err := connection.ReadFrom(buffer)
			check(err)
			_, err = connection.WriteTo(buffer[:count], peer)
			check(err)
		}
	case "grpc":
		listener, err := net.Listen("tcp", address)
		check(err)
		state := health.NewServer()
		go func() {
			failing := make(chan os.Signal, 1)
			signal.Notify(failing, syscall.SIGUSR1)
			<-failing
			state.SetServingStatus("", health_v1.HealthCheckResponse_NOT_SERVING)
		}()
		server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			fmt.Println(info.FullMethod, request)
			return handler(ctx, request)
		}))
		health_v1.RegisterHealthServer(server, state)
		check(server.Serve(listener))
	default:
		check(fmt.Errorf("serve %s: unknown", what))
	}
}

func serveHTTP(address string) {
	var failing atomic.Bool
	check(http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("X-Probe"))
		switch {
		case r.URL.Path == "/fail":
			failing.Store(true)
		case r.URL.Path == "/health" && failing.Load():
			http.Error(w, "failing", http.StatusServiceUnavailable)
			return
		}
		host, _ := os.Hostname()
		fmt.Fprintln(w, "ok from", host)
	})))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
