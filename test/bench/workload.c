// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What makes programs in the kernel run, as fast as one thread can:
 *
 *   switch       round trips of a byte between two processes on one CPU: two switches each
 *   packet       datagrams over the loopback of a network namespace of its own
 *   drop         datagrams there that do not fit their reader's buffer
 *   tcp          connections there, each with a request and an answer
 *   retransmit   connections there whose SYN, or whose SYN-ACK, is sent again a second later
 *   disk PATH    blocks of a disk, read and written in turns past the page cache
 *   oom          children that touch 64 MiB each, and are killed where less is allowed
 *   spin         additions, a thousand at a time
 *   touch        pages that are used for the first time
 *
 * usage: workload NAME [PATH]. For each line on stdin, a number, it does so many and prints the nanoseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT		4000
#define BLOCK		4096
#define BLOCKS		4096
#define FLUSH_EVERY	64
#define OOM_BYTES	(64 << 20)
#define MAX_FILES	8192
#define RESEND_AFTER_US 1500000

static int pipes[2][2], sender, receiver, deferring, disk;
static char *block;

static void must(long result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The last CPU it may use: others are more often taken by what is not measured. */
static void stay_on_one_cpu(void)
{
	cpu_set_t allowed, one;
	int last = 0;

	must(sched_getaffinity(0, sizeof(allowed), &allowed), "sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			last = cpu;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	must(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

static void begin_switch(void)
{
	char byte = 0;

	stay_on_one_cpu();
	must(pipe(pipes[0]), "pipe");
	must(pipe(pipes[1]), "pipe");
	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(pipes[0][0], &byte, 1) == 1)
		must(write(pipes[1][1], &byte, 1), "write");
	exit(0);
}

static void do_switch(uint64_t count)
{
	char byte = 0;

	while (count--) {
		must(write(pipes[0][1], &byte, 1), "write");
		must(read(pipes[1][0], &byte, 1), "read");
	}
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void begin_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int any;

	stay_on_one_cpu();
	must(unshare(CLONE_NEWNET), "unshare");
	any = socket(AF_INET, SOCK_DGRAM, 0);
	must(any, "socket");
	must(ioctl(any, SIOCSIFFLAGS, &request), "lo up");
	close(any);
}

static void begin_packet(void)
{
	struct sockaddr_in address = loopback(PORT);

	begin_network();
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	receiver = socket(AF_INET, SOCK_DGRAM, 0);
	must(bind(receiver, (void *)&address, sizeof(address)), "bind");
	must(connect(sender, (void *)&address, sizeof(address)), "connect");
}

static void do_packet(uint64_t count)
{
	char text[64] = {};

	while (count--) {
		must(send(sender, text, sizeof(text), 0), "send");
		must(recv(receiver, text, sizeof(text), 0), "recv");
	}
}

static void begin_drop(void)
{
	int least = 0;

	begin_packet();
	must(setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), "SO_RCVBUF");
}

static void do_drop(uint64_t count)
{
	char text[64] = {};

	while (count--)
		must(send(sender, text, sizeof(text), 0), "send");
}

static int listen_at(int port, int backlog)
{
	struct sockaddr_in address = loopback(port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), "SO_REUSEADDR");
	must(bind(listener, (void *)&address, sizeof(address)), "bind");
	must(listen(listener, backlog), "listen");
	return listener;
}

static int connect_to(int port, int flags)
{
	struct sockaddr_in address = loopback(port);
	int client = socket(AF_INET, SOCK_STREAM | flags, 0);

	must(client, "socket");
	if (connect(client, (void *)&address, sizeof(address)) != 0 && !flags)
		err(1, "connect");
	return client;
}

static void begin_tcp(void)
{
	begin_network();
	receiver = listen_at(PORT, 16);
}

static void do_tcp(uint64_t count)
{
	struct linger reset = {.l_onoff = 1};
	char text[64] = {};

	while (count--) {
		int client = connect_to(PORT, 0), server = accept(receiver, 0, 0);

		must(server, "accept");
		must(send(client, text, sizeof(text), 0), "send");
		must(recv(server, text, sizeof(text), 0), "recv");
		must(send(server, text, sizeof(text), 0), "send");
		must(recv(client, text, sizeof(text), 0), "recv");
		/* No TIME_WAIT: the ports would be used up. */
		setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(client);
		close(server);
	}
}

static void begin_retransmit(void)
{
	struct rlimit files = {MAX_FILES, MAX_FILES};
	int second = 1;

	must(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	begin_network();
	/* Takes one connection, and drops the SYNs of all others. */
	receiver = listen_at(PORT, 0);
	connect_to(PORT, 0);
	/* Waits for data, and after a second asks for it by a second SYN-ACK. */
	deferring = listen_at(PORT + 1, 4096);
	must(setsockopt(deferring, IPPROTO_TCP, TCP_DEFER_ACCEPT, &second, sizeof(second)),
	     "TCP_DEFER_ACCEPT");
}

static void do_retransmit(uint64_t count)
{
	int clients[MAX_FILES / 2];

	if (count > MAX_FILES / 4)
		errx(1, "at most %d", MAX_FILES / 4);
	for (uint64_t i = 0; i < count; i++)
		clients[i] = connect_to(i % 2 ? PORT : PORT + 1, SOCK_NONBLOCK);
	usleep(RESEND_AFTER_US);
	for (uint64_t i = 0; i < count; i++)
		close(clients[i]);
}

static void do_disk(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		off_t at = (off_t)(i * 37 % BLOCKS) * BLOCK;

		if (i % 2)
			must(pread(disk, block, BLOCK, at), "pread");
		else
			must(pwrite(disk, block, BLOCK, at), "pwrite");
		if (i % FLUSH_EVERY == FLUSH_EVERY - 1)
			must(fdatasync(disk), "fdatasync");
	}
}

static void begin_disk(const char *path)
{
	disk = open(path, O_RDWR | O_DIRECT);
	must(disk, path);
	must(posix_memalign((void **)&block, BLOCK, BLOCK) == 0 ? 0 : -1, "posix_memalign");
	memset(block, 1, BLOCK);
}

static void do_oom(uint64_t count)
{
	while (count--) {
		if (fork() == 0) {
			memset(mmap(0, OOM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			       1, OOM_BYTES);
			exit(0);
		}
		wait(0);
	}
}

static void do_spin(uint64_t count)
{
	volatile uint64_t sum = 0;

	for (uint64_t at = 0; at < count * 1000; at++)
		sum += at;
}

static void do_touch(uint64_t count)
{
	char *pages = mmap(0, count * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		err(1, "mmap");
	madvise(pages, count * BLOCK, MADV_NOHUGEPAGE);
	for (uint64_t page = 0; page < count; page++)
		pages[page * BLOCK] = 1;
	must(munmap(pages, count * BLOCK), "munmap");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	void (*work)(uint64_t count);
	uint64_t count;

	if (!strcmp(name, "switch"))
		work = do_switch, begin_switch();
	else if (!strcmp(name, "packet"))
		work = do_packet, begin_packet();
	else if (!strcmp(name, "drop"))
		work = do_drop, begin_drop();
	else if (!strcmp(name, "tcp"))
		work = do_tcp, begin_tcp();
	else if (!strcmp(name, "retransmit"))
		work = do_retransmit, begin_retransmit();
	else if (!strcmp(name, "disk") && argc > 2)
		work = do_disk, begin_disk(argv[2]);
	else if (!strcmp(name, "oom"))
		work = do_oom;
	else if (!strcmp(name, "spin"))
		work = do_spin;
	else if (!strcmp(name, "touch"))
		work = do_touch;
	else
		errx(2, "usage: workload NAME [PATH]");
	while (scanf("%lu", &count) == 1) {
		uint64_t start = now_ns();

		work(count);
		printf("%lu\n", now_ns() - start);
		fflush(stdout);
	}
	return 0;
}
