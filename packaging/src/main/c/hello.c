/*
 * hello: the one program of the demonstration image. It has no shell beside it, so what the demonstration wants to show is a verb here.
 *
 *   hello [serve]      an HTTP server on $PORT (8080): answers with the host name and the path asked for, logs a line per request
 *   hello echo TEXT... | env | cat FILE... | sleep SECONDS | id | true | false
 *
 * SIGTERM ends the server with status 0 after the request in progress.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static int fail(const char *what)
{
	fprintf(stderr, "hello: %s: %s\n", what, strerror(errno));
	return 1;
}

/* A socket that takes both address families where there is IPv6, else IPv4 alone. */
static int listen_on(unsigned short port)
{
	int one = 1, zero = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
		if (bind(fd, (struct sockaddr *)&any, sizeof any) == 0 && listen(fd, 64) == 0)
			return fd;
		close(fd);
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&any, sizeof any) == 0 && listen(fd, 64) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Reads up to the end of the head; a client that is slow or sends more than fits is not waited for. */
static ssize_t read_head(int fd, char *head, size_t size)
{
	struct timeval patience = {.tv_sec = 2};
	size_t used = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	while (used + 1 < size) {
		ssize_t n = read(fd, head + used, size - 1 - used);
		if (n <= 0)
			return -1;
		used += (size_t)n;
		head[used] = '\0';
		if (strstr(head, "\r\n\r\n") || strstr(head, "\n\n"))
			return (ssize_t)used;
	}
	return -1;
}

static void answer(int fd, const char *host)
{
	char head[4096], body[768], reply[1024];
	char method[16], path[256];

	if (read_head(fd, head, sizeof head) < 0 || sscanf(head, "%15s %255s", method, path) != 2) {
		printf("400 bad request\n");
		dprintf(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
		return;
	}
	snprintf(body, sizeof body, "Hello from %s, you asked for %s\n", host, path);
	int length = snprintf(reply, sizeof reply,
			      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			      strlen(body), body);
	if (write(fd, reply, (size_t)length) != length)
		printf("cut short: ");
	printf("200 %s %s\n", method, path);
	shutdown(fd, SHUT_WR);
}

static int serve(void)
{
	const char *text = getenv("PORT");
	long port = text ? strtol(text, NULL, 10) : 8080;
	char host[256] = "";
	sigset_t stop;

	if (port < 1 || port > 65535) {
		fprintf(stderr, "hello: PORT=%s is not a port\n", text);
		return 2;
	}
	gethostname(host, sizeof host - 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	int signals = signalfd(-1, &stop, SFD_CLOEXEC);
	int server = listen_on((unsigned short)port);
	if (signals < 0 || server < 0)
		return fail("cannot listen");
	printf("%s listens on port %ld\n", host, port);
	for (;;) {
		struct pollfd waited[2] = {{.fd = signals, .events = POLLIN}, {.fd = server, .events = POLLIN}};
		if (poll(waited, 2, -1) < 0 && errno != EINTR)
			return fail("poll");
		if (waited[0].revents) {
			printf("%s says goodbye\n", host);
			return 0;
		}
		if (waited[1].revents) {
			int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
			if (client >= 0) {
				answer(client, host);
				close(client);
			}
		}
	}
}

static int cat(const char *path)
{
	char buffer[8192];
	size_t n;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

	if (!file)
		return fail(path);
	while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
		fwrite(buffer, 1, n, stdout);
	int bad = ferror(file) ? fail(path) : 0;
	if (file != stdin)
		fclose(file);
	return bad;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "serve";
	int status = 0;

	if (strcmp(verb, "serve") == 0)
		return serve();
	if (strcmp(verb, "true") == 0 || strcmp(verb, "false") == 0)
		return verb[0] == 'f';
	if (strcmp(verb, "echo") == 0) {
		for (int i = 2; i < argc; i++)
			printf("%s%s", i > 2 ? " " : "", argv[i]);
		putchar('\n');
		return 0;
	}
	if (strcmp(verb, "env") == 0) {
		for (char **entry = environ; *entry; entry++)
			puts(*entry);
		return 0;
	}
	if (strcmp(verb, "id") == 0) {
		printf("uid=%d gid=%d pid=%d\n", (int)getuid(), (int)getgid(), (int)getpid());
		return 0;
	}
	if (strcmp(verb, "cat") == 0) {
		if (argc == 2)
			return cat("-");
		for (int i = 2; i < argc; i++)
			status |= cat(argv[i]);
		return status;
	}
	if (strcmp(verb, "sleep") == 0 && argc == 3) {
		sleep((unsigned)strtoul(argv[2], NULL, 10));
		return 0;
	}
	fprintf(stderr, "usage: hello [serve] | echo TEXT... | env | id | cat FILE... | sleep SECONDS | true | false\n");
	return 2;
}
